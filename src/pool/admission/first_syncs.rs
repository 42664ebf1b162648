//! First syncs that run. Synapse joins a retry to the computation that runs already, and keeps its result for a while
//! (`ResponseCache`): so a retry belongs to the same worker, waits for nobody and takes no second slot.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ahash::{HashMap, RandomState};
use tokio::{sync::Notify, time::Instant};

use crate::pool::{Lease, Tried, Worker};

/// So long Synapse keeps the answer to a sync (`sync_response_cache_duration`).
const KEPT: Duration = Duration::from_secs(120);

/// First syncs that are known at least before those are forgotten whose answer is no longer kept.
const KNOWN: usize = 1024;

/// The first syncs of all threads, each under the number of its request.
#[derive(Debug, Default)]
pub struct FirstSyncs {
    known: Mutex<Known>,
    hash: RandomState,
}

#[derive(Debug, Default)]
struct Known {
    entries: HashMap<u64, Entry>,
    /// With so many it is time to forget some.
    most: usize,
}

#[derive(Debug)]
struct Entry {
    worker: Arc<Worker>,
    run: Weak<Run>,
    /// The answer is there, and kept until then.
    until: Option<Instant>,
}

/// One computation at one worker, which holds one slot for all who wait for it.
#[derive(Debug)]
pub(in crate::pool) struct Run {
    worker: Arc<Worker>,
    answered: AtomicBool,
    joined: Notify,
    known: OnceLock<(Arc<FirstSyncs>, u64)>,
}

impl FirstSyncs {
    /// The number of a request: the same for the same question of the same session.
    pub fn number(&self, target: &str, token: Option<&[u8]>, client: IpAddr) -> u64 {
        match token {
            Some(token) => self.hash.hash_one((target, token)),
            None => self.hash.hash_one((target, client)),
        }
    }

    /// Joins the first sync with that number that runs, or whose answer is kept; none when there is none at a worker
    /// that takes requests and was not tried.
    pub fn join(self: &Arc<Self>, number: u64, tried: &Tried) -> Option<Lease> {
        let mut known = self.lock();
        let entry = known.entries.get_mut(&number)?;
        if !entry.worker.condition().takes_new() || tried.refuses(&entry.worker) {
            return None;
        }
        if let Some(run) = entry.run.upgrade() {
            run.joined.notify_waiters();
            return Some(Lease::joined(run));
        }
        entry.until.filter(|until| Instant::now() < *until)?;
        entry.worker.slots.take_anyway(true);
        let run = Arc::new(Run::new(entry.worker.clone()));
        run.know(self, number);
        entry.run = Arc::downgrade(&run);
        Some(Lease::joined(run))
    }

    /// Lets others join this first sync; when one with its number runs at its worker by now, it joins that one.
    pub fn enter(self: &Arc<Self>, number: u64, lease: Lease) -> Lease {
        let Some(run) = lease.run() else { return lease };
        let mut known = self.lock();
        // Dropped after the lock: the last of a run asks for it.
        let there = known.entries.get(&number);
        let there = there.and_then(|entry| entry.run.upgrade());
        if let Some(there) = there.as_ref().filter(|there| there.worker == run.worker) {
            drop(known);
            return Lease::joined(there.clone());
        }
        run.know(self, number);
        let entry = Entry {
            worker: run.worker.clone(),
            run: Arc::downgrade(run),
            until: None,
        };
        known.entries.insert(number, entry);
        known.forget();
        drop(known);
        lease
    }

    fn end(&self, number: u64, run: &Run) {
        let mut known = self.lock();
        let Some(entry) = known.entries.get_mut(&number) else {
            return;
        };
        if !std::ptr::eq(entry.run.as_ptr(), run) {
            return;
        }
        if run.answered.load(Ordering::Relaxed) {
            entry.until.get_or_insert_with(|| Instant::now() + KEPT);
        } else if entry.until.is_none() {
            known.entries.remove(&number);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Nothing in here can be left half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Forgets those that nobody can join, once there are twice as many as were of use the last time.
    fn forget(&mut self) {
        if self.entries.len() < self.most.max(KNOWN) {
            return;
        }
        let now = Instant::now();
        self.entries.retain(|_, entry| {
            entry.run.strong_count() > 0 || entry.until.is_some_and(|until| now < until)
        });
        self.most = self.entries.len() * 2;
    }
}

impl Run {
    /// For a slot that was taken.
    pub(in crate::pool) fn new(worker: Arc<Worker>) -> Self {
        Self {
            worker,
            answered: AtomicBool::new(false),
            joined: Notify::new(),
            known: OnceLock::new(),
        }
    }

    fn know(&self, first_syncs: &Arc<FirstSyncs>, number: u64) {
        // Only its first request is told that it is known.
        let _ = self.known.set((first_syncs.clone(), number));
    }

    /// Where it runs.
    pub(in crate::pool) fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }

    /// Its worker has the answer.
    pub(in crate::pool) fn note_answer(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// Waits until another request joins.
    pub(in crate::pool) async fn joined(&self) {
        self.joined.notified().await;
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some((first_syncs, number)) = self.known.get() {
            first_syncs.end(*number, self);
        }
        if self.worker.leave(true) {
            self.worker.queue.serve(&self.worker);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::{
        discovery::{Endpoint, Source},
        pool::{Busy, Choice, Condition, Settings, View, Want},
    };

    const WANT: Want = Want {
        choice: Choice::Keyed(1),
        first_sync: true,
    };

    /// One worker that bears one first sync.
    fn view() -> Arc<View> {
        let endpoints: Arc<[_]> = [Endpoint::new("one", "127.0.0.1:1".parse().unwrap())].into();
        let mut settings = Settings::new("initial", [], Source::Static(endpoints.clone()));
        settings.first_syncs = NonZeroU32::MIN;
        Arc::new(View::new(Arc::new(settings), &endpoints.into(), None))
    }

    fn run(first_syncs: &Arc<FirstSyncs>, view: &Arc<View>, number: u64) -> Option<Lease> {
        let tried = Tried::default();
        first_syncs
            .join(number, &tried)
            .or_else(|| match view.lease(WANT, &tried) {
                Ok(lease) => Some(first_syncs.enter(number, lease)),
                Err(Busy::Full(_)) => None,
                Err(Busy::NoWorker) => panic!("it takes requests"),
            })
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_joins_passes_the_queue_and_takes_no_slot() {
        let (first_syncs, view) = (Arc::<FirstSyncs>::default(), view());
        let first = run(&first_syncs, &view, 1).unwrap();
        let again = run(&first_syncs, &view, 1).unwrap();
        assert_eq!(view.workers[0].in_flight(), 1);
        assert!(run(&first_syncs, &view, 2).is_none(), "another's waits");
        drop(first);
        assert!(
            run(&first_syncs, &view, 2).is_none(),
            "the retry holds the slot"
        );
        drop(again);
        assert!(run(&first_syncs, &view, 2).is_some());
        assert_eq!(view.workers[0].in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_for_two_minutes() {
        let (first_syncs, view) = (Arc::<FirstSyncs>::default(), view());
        let first = run(&first_syncs, &view, 1).unwrap();
        first.note_answer();
        drop(first);
        let other = run(&first_syncs, &view, 2).unwrap();
        assert!(run(&first_syncs, &view, 3).is_none());
        tokio::time::advance(KEPT / 2).await;
        let again = run(&first_syncs, &view, 1).unwrap();
        again.note_answer();
        drop(again);
        tokio::time::advance(KEPT / 2).await;
        assert!(
            run(&first_syncs, &view, 1).is_none(),
            "not from the retry on"
        );
        drop(other);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stops_lets_the_next_one_run_and_can_be_joined() {
        let (first_syncs, view) = (Arc::<FirstSyncs>::default(), view());
        let mut first = run(&first_syncs, &view, 1).unwrap();
        first.note_answer();
        first.pause();
        let mut other = run(&first_syncs, &view, 2).unwrap();
        other.pause();
        assert!(first.is_paused() && !other.is_paused(), "one may");
        let again = run(&first_syncs, &view, 1).expect("its answer is kept");
        drop((first, again));
        other.pause();
        assert!(other.is_paused());
        assert_eq!(view.workers[0].in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_holds_the_slot_of_one_that_is_paused() {
        let (first_syncs, view) = (Arc::<FirstSyncs>::default(), view());
        let mut first = run(&first_syncs, &view, 1).unwrap();
        let again = run(&first_syncs, &view, 1).unwrap();
        first.pause();
        assert_eq!(view.workers[0].in_flight(), 1);
        drop(again);
        assert_eq!(view.workers[0].in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_joins_at_a_worker_that_leaves() {
        let (first_syncs, view) = (Arc::<FirstSyncs>::default(), view());
        let first = run(&first_syncs, &view, 1).unwrap();
        let mut tried = Tried::default();
        tried.add(view.workers[0].id);
        assert!(first_syncs.join(1, &tried).is_none());
        view.workers[0].change(Condition::Ejected);
        assert!(first_syncs.join(1, &Tried::default()).is_none());
        drop(first);
    }

    #[test]
    fn numbers_tell_sessions_apart() {
        let first_syncs = FirstSyncs::default();
        let client = [192, 0, 2, 1].into();
        let number = |target, token: Option<&[u8]>| first_syncs.number(target, token, client);
        assert_eq!(number("/sync", Some(b"a")), number("/sync", Some(b"a")));
        assert_ne!(number("/sync", Some(b"a")), number("/sync", Some(b"b")));
        assert_ne!(number("/sync", Some(b"a")), number("/sync?a", Some(b"a")));
        assert_ne!(number("/sync", None), number("/sync", Some(b"a")));
    }
}
