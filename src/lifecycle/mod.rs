//! Time limits of connections, and our own stop.

mod deadlines;
mod stop;

use std::time::Duration;

pub use deadlines::{Cut, Deadline, Deadlines};
pub use stop::{Stop, Stopper};

/// How we stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long new connections are still served after SIGTERM, so that load balancers notice that we are not ready.
    pub delay: Duration,
    /// How long running requests may go on after that.
    pub grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(5),
            grace: Duration::from_secs(60),
        }
    }
}
