//! What one connection counts of its requests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    task::Context,
};

use futures_util::task::AtomicWaker;

use super::Counts;

/// So many more requests than it lets us answer may a client take back.
const TAKEN_BACK: u32 = 200;

/// The requests of one connection: those that run, and those that their client took back.
#[derive(Debug)]
pub struct Ledger {
    running: AtomicUsize,
    taken_back: AtomicU32,
    waker: AtomicWaker,
    counts: Counts,
}

/// A running request; dropping it is its end.
#[derive(Debug)]
pub(super) struct Entry(Arc<Ledger>);

impl Ledger {
    /// The ledger of a connection that was opened; dropping it is its end.
    pub fn new(counts: &Counts) -> Self {
        counts.connections.inc();
        Self {
            running: AtomicUsize::new(0),
            taken_back: AtomicU32::new(0),
            waker: AtomicWaker::new(),
            counts: counts.clone(),
        }
    }

    /// True while a request runs; the task of `cx` is woken when none does, or one too many was taken back.
    pub fn is_busy(&self, cx: &Context<'_>) -> bool {
        self.waker.register(cx.waker());
        self.running.load(Relaxed) > 0
    }

    /// True while more than one request runs.
    pub fn has_several(&self) -> bool {
        self.running.load(Relaxed) > 1
    }

    /// True for a client that opens requests only to take them back: each costs us more than it.
    pub fn is_flooded(&self) -> bool {
        self.taken_back.load(Relaxed) > TAKEN_BACK
    }

    /// Enters a request.
    pub(super) fn enter(self: &Arc<Self>) -> Entry {
        self.running.fetch_add(1, Relaxed);
        self.counts.streams.inc();
        Entry(self.clone())
    }
}

impl Entry {
    /// It was answered.
    pub(super) fn note_answered(&self) {
        let less = |count: u32| count.checked_sub(1);
        // An error means that there was nothing to forgive.
        let _ = self.0.taken_back.fetch_update(Relaxed, Relaxed, less);
    }

    /// Its client took it back.
    pub(super) fn note_taken_back(&self) {
        self.0.taken_back.fetch_add(1, Relaxed);
        self.0.counts.taken_back.inc();
        if self.0.is_flooded() {
            self.0.waker.wake();
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.counts.connections.dec();
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.0.counts.streams.dec();
        if self.0.running.fetch_sub(1, Relaxed) == 1 {
            self.0.waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use prometheus::Registry;

    use super::*;

    fn ledger() -> Arc<Ledger> {
        Arc::new(Ledger::new(&Counts::new(&Registry::new()).unwrap()))
    }

    #[test]
    fn who_takes_back_what_others_would_read_is_a_flood() {
        let ledger = ledger();
        for _ in 0..10 * TAKEN_BACK {
            ledger.enter().note_taken_back();
            ledger.enter().note_answered();
        }
        assert!(!ledger.is_flooded());
        for _ in 0..=TAKEN_BACK {
            ledger.enter().note_taken_back();
        }
        assert!(ledger.is_flooded());
    }

    #[test]
    fn it_is_busy_while_a_request_runs() {
        let ledger = ledger();
        let cx = Context::from_waker(Waker::noop());
        let (one, two) = (ledger.enter(), ledger.enter());
        drop(one);
        assert!(ledger.is_busy(&cx));
        drop(two);
        assert!(!ledger.is_busy(&cx));
    }

    #[test]
    fn all_connections_are_counted_together() {
        let counts = Counts::new(&Registry::new()).unwrap();
        let numbers = || {
            let Counts {
                connections,
                streams,
                taken_back,
                ..
            } = &counts;
            (connections.get(), streams.get(), taken_back.get())
        };
        let ledgers = [(); 2].map(|()| Arc::new(Ledger::new(&counts)));
        let entries: Vec<_> = ledgers.iter().map(Ledger::enter).collect();
        entries[1].note_taken_back();
        assert_eq!(numbers(), (2, 2, 1));
        drop(ledgers);
        assert_eq!(numbers(), (2, 2, 1), "what runs holds its connection");
        drop(entries);
        assert_eq!(numbers(), (0, 0, 1));
    }
}
