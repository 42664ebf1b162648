//! One worker held for one request.

use std::{ops::Deref, sync::Arc};

use super::Worker;

/// A slot at a worker; dropping it frees the slot.
#[derive(Debug)]
pub struct Lease {
    worker: Arc<Worker>,
    first_sync: bool,
}

impl Lease {
    /// Takes a slot at `worker`, whatever its cap is.
    pub fn new(worker: Arc<Worker>) -> Self {
        worker.slots.take_anyway(false);
        Self::taken(worker, false)
    }

    /// For a slot that was taken.
    pub(super) fn taken(worker: Arc<Worker>, first_sync: bool) -> Self {
        Self { worker, first_sync }
    }

    /// Frees the slot; the worker itself is still to be named.
    pub fn release(self) -> Arc<Worker> {
        self.worker.clone()
    }
}

impl Deref for Lease {
    type Target = Worker;

    fn deref(&self) -> &Worker {
        &self.worker
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.worker.leave(self.first_sync) {
            self.worker.queue.serve(&self.worker);
        }
    }
}
