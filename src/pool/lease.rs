//! One worker held for one request.

use std::{ops::Deref, sync::Arc};

use super::Worker;

/// A slot at a worker; dropping it frees the slot.
#[derive(Debug)]
pub struct Lease(Arc<Worker>);

impl Lease {
    /// Takes a slot at `worker`.
    pub fn new(worker: Arc<Worker>) -> Self {
        worker.enter();
        Self(worker)
    }

    /// Frees the slot; the worker itself is still to be named.
    pub fn release(self) -> Arc<Worker> {
        self.0.clone()
    }
}

impl Deref for Lease {
    type Target = Worker;

    fn deref(&self) -> &Worker {
        &self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.leave();
    }
}
