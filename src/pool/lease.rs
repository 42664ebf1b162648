//! One worker held for one request.

use std::{ops::Deref, sync::Arc};

use super::{Worker, admission::Run};

/// A slot at a worker; dropping it frees the slot.
#[derive(Debug)]
pub struct Lease {
    worker: Arc<Worker>,
    /// A first sync, which others may join: the last of them frees the slot.
    run: Option<Arc<Run>>,
}

impl Lease {
    /// Takes a slot at `worker`, whatever its cap is.
    pub fn new(worker: Arc<Worker>) -> Self {
        worker.slots.take_anyway(false);
        Self::taken(worker, false)
    }

    /// For a slot that was taken.
    pub(super) fn taken(worker: Arc<Worker>, first_sync: bool) -> Self {
        let run = first_sync.then(|| Arc::new(Run::new(worker.clone())));
        Self { worker, run }
    }

    /// For the slot of a first sync.
    pub(super) fn joined(run: Arc<Run>) -> Self {
        Self {
            worker: run.worker().clone(),
            run: Some(run),
        }
    }

    pub(super) fn run(&self) -> Option<&Arc<Run>> {
        self.run.as_ref()
    }

    /// The slot of a first sync, held once more; none for other requests.
    pub fn share(&self) -> Option<Self> {
        self.run.clone().map(Self::joined)
    }

    /// The worker has answered, as a first sync is told.
    pub fn note_answer(&self) {
        if let Some(run) = &self.run {
            run.note_answer();
        }
    }

    /// Waits until a retry joins this first sync; for ever when it is none.
    pub async fn until_joined(&self) {
        match &self.run {
            Some(run) => run.joined().await,
            None => std::future::pending().await,
        }
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
        if self.run.is_none() && self.worker.leave(false) {
            self.worker.queue.serve(&self.worker);
        }
    }
}
