//! One worker held for one request.

use std::{mem, ops::Deref, sync::Arc};

use super::{Worker, admission::Run};

/// A slot at a worker; dropping it frees the slot.
#[derive(Debug)]
pub struct Lease {
    worker: Arc<Worker>,
    hold: Hold,
}

/// What a request has of its worker.
#[derive(Debug)]
enum Hold {
    Slot,
    /// That of a first sync, which others may join: the last of them frees it.
    Run(Arc<Run>),
    /// None: the worker waits for the client.
    Paused {
        first_sync: bool,
    },
}

impl Lease {
    /// Takes a slot at `worker`, whatever its cap is.
    pub fn new(worker: Arc<Worker>) -> Self {
        worker.slots.take_anyway(false);
        Self::taken(worker, false)
    }

    /// For a slot that was taken.
    pub(super) fn taken(worker: Arc<Worker>, first_sync: bool) -> Self {
        let hold = match first_sync {
            false => Hold::Slot,
            true => Hold::Run(Arc::new(Run::new(worker.clone()))),
        };
        Self { worker, hold }
    }

    /// For the slot of a first sync.
    pub(super) fn joined(run: Arc<Run>) -> Self {
        Self {
            worker: run.worker().clone(),
            hold: Hold::Run(run),
        }
    }

    pub(super) fn run(&self) -> Option<&Arc<Run>> {
        match &self.hold {
            Hold::Run(run) => Some(run),
            _ => None,
        }
    }

    /// The slot of a first sync, held once more; none for other requests.
    pub fn share(&self) -> Option<Self> {
        self.run().cloned().map(Self::joined)
    }

    /// The worker has answered, as a first sync is told.
    pub fn note_answer(&self) {
        if let Some(run) = self.run() {
            run.note_answer();
        }
    }

    /// Waits until a retry joins this first sync; for ever when it is none.
    pub async fn until_joined(&self) {
        match self.run() {
            Some(run) => run.joined().await,
            None => std::future::pending().await,
        }
    }

    /// Gives the slot back, as the worker has nothing to do until the client goes on. A first sync keeps it when as
    /// many as may run have given it back.
    pub fn pause(&mut self) {
        let first_sync = match self.hold {
            Hold::Slot => false,
            Hold::Run(_) => true,
            Hold::Paused { .. } => return,
        };
        if self.worker.slots.pause(first_sync) {
            let hold = mem::replace(&mut self.hold, Hold::Paused { first_sync });
            hold.end(&self.worker);
        }
    }

    /// True while it has given its slot back.
    pub fn is_paused(&self) -> bool {
        matches!(self.hold, Hold::Paused { .. })
    }

    /// A slot at the same worker again, if there is one.
    pub(super) fn again(&self, first_sync: bool) -> Option<Self> {
        let is_taken = self.worker.enter_again(first_sync);
        is_taken.then(|| Self::taken(self.worker.clone(), first_sync))
    }

    /// Frees the slot; the worker itself is still to be named.
    pub fn release(self) -> Arc<Worker> {
        self.worker.clone()
    }

    /// Where it is.
    pub fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }
}

impl Hold {
    fn end(&self, worker: &Arc<Worker>) {
        match *self {
            Self::Slot if worker.leave(false) => worker.queue.serve(worker),
            Self::Paused { first_sync } => worker.slots.end_pause(first_sync),
            Self::Slot | Self::Run(_) => {}
        }
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
        self.hold.end(&self.worker);
    }
}
