//! The pauses after watches that fail early.

use std::time::Duration;

use tokio::time::{Instant, sleep};

const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);

/// A watch that held for so long is replaced at once, without a word.
const HELD: Duration = Duration::from_secs(10);

/// Grows with each failure.
#[derive(Debug)]
pub(super) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(SHORTEST)
    }
}

impl Pause {
    /// True when a watch that was `whole` since then held; the next pause is short again.
    pub(super) fn held(&mut self, whole: Option<Instant>) -> bool {
        let held = whole.is_some_and(|since| since.elapsed() >= HELD);
        if held {
            self.0 = SHORTEST;
        }
        held
    }

    /// Waits; the next pause is longer.
    pub(super) async fn wait(&mut self) {
        sleep(self.0).await;
        self.0 = (self.0 * 2).min(LONGEST);
    }
}
