//! What the configuration says of callers.

use std::time::Duration;

/// Bounds of what is known of tokens, and of asking about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a request waits at most for the answer about its token; zero asks without waiting.
    pub budget: Duration,
    /// For a worker's answer; what comes after the budget serves the next request.
    pub timeout: Duration,
    /// How long a token that nobody has is not asked about again.
    pub unknown: Duration,
    /// Bytes of memory for the tokens that are known.
    pub cache: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            budget: Duration::from_millis(250),
            timeout: Duration::from_secs(2),
            unknown: Duration::from_secs(30),
            cache: 64 << 20,
        }
    }
}
