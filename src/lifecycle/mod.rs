//! Time limits of connections, and our own stop.

mod deadlines;
mod stop;

use std::time::Duration;

pub use deadlines::{Deadline, Deadlines};
pub use stop::{Stop, Stopper};

/// How we stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long running requests may go on after SIGTERM.
    pub grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(60),
        }
    }
}
