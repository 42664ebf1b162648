//! Idle connections to workers, kept per thread.

use std::{cell::RefCell, time::Duration};

use ahash::HashMap;
use tokio::time::Instant;

use super::WorkerId;
use crate::net::Stream;

/// An idle connection ends after this long; Synapse itself never ends one (measured, 1.163.2).
const IDLE: Duration = Duration::from_secs(50);

/// More than this many idle ones per worker and thread are not worth their memory.
const MOST: usize = 1024;

/// The idle connections of one data-plane thread.
#[derive(Debug, Default)]
pub struct Connections(RefCell<HashMap<WorkerId, Vec<Idle>>>);

#[derive(Debug)]
struct Idle {
    stream: Stream,
    since: Instant,
}

impl Connections {
    /// The connection to `worker` that was used last and is still open, as far as this thread has heard.
    pub fn take(&self, worker: WorkerId) -> Option<Stream> {
        let mut idle = self.0.borrow_mut();
        let stack = idle.get_mut(&worker)?;
        std::iter::from_fn(|| stack.pop())
            .map(|idle| idle.stream)
            .find(Stream::is_quiet)
    }

    /// Keeps a connection whose last answer was read to its end.
    pub fn keep(&self, worker: WorkerId, stream: Stream, now: Instant) {
        let mut idle = self.0.borrow_mut();
        let stack = idle.entry(worker).or_default();
        if stack.len() < MOST {
            stack.push(Idle { stream, since: now });
        }
    }

    /// Ends those that are too old or that their worker has closed.
    pub fn sweep(&self, now: Instant) {
        self.0.borrow_mut().retain(|_, stack| {
            stack.retain(|idle| now - idle.since < IDLE && idle.stream.is_quiet());
            !stack.is_empty()
        });
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.0.borrow().values().map(Vec::len).sum()
    }

    /// True when none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
