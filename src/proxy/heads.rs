//! Heads that have begun and are not whole: each holds memory for as long as its client likes, so they are counted.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// How many heads come in pieces at the moment, and how many may.
#[derive(Debug)]
pub struct Heads {
    begun: AtomicUsize,
    bound: AtomicUsize,
}

/// A head that has begun, until it is whole or given up.
pub(super) struct Begun(Arc<Heads>);

impl Default for Heads {
    fn default() -> Self {
        Self {
            begun: AtomicUsize::new(0),
            bound: AtomicUsize::new(usize::MAX),
        }
    }
}

impl Heads {
    /// So many may come in pieces from now on.
    pub fn set_bound(&self, heads: usize) {
        self.bound.store(heads, Ordering::Relaxed);
    }

    /// One more; none when there are as many as may be.
    pub(super) fn begin(self: &Arc<Self>) -> Option<Begun> {
        let bound = self.bound.load(Ordering::Relaxed);
        let more = |begun| (begun < bound).then_some(begun + 1);
        self.begun
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .ok()
            .map(|_| Begun(self.clone()))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.begun.fetch_sub(1, Ordering::Relaxed);
    }
}
