//! The queue of one pool. A slot that is given back while somebody waits for it goes to the next in turn, on whatever
//! thread that one waits.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use ahash::HashMap;
use slab::Slab;

use super::{Told, line::Line};
use crate::pool::{Lease, Worker, WorkerId};

/// The queue of one pool, shared by all threads and all snapshots of the pool.
#[derive(Debug, Default)]
pub(in crate::pool) struct Queue(Mutex<Inner>);

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Goal {
    /// A slot at this worker.
    Slot(WorkerId),
    /// A slot at any worker of the pool.
    AnySlot,
    /// A worker that takes requests.
    Worker,
    /// The same, counted in the queue of another pool.
    Elsewhere,
}

/// Who waits, and for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) goal: Goal,
    pub(super) first_sync: bool,
    pub(super) caller: u64,
}

#[derive(Debug, Default)]
struct Inner {
    lines: HashMap<(Goal, bool), Line>,
    waiters: Slab<Waiter>,
    /// How many each caller has waiting.
    callers: HashMap<u64, usize>,
    /// All of them.
    waiting: usize,
    /// Those who wait for a worker, counted here or elsewhere.
    listening: usize,
    /// The workers who ask here before they give a slot away.
    queued: HashMap<WorkerId, Arc<Worker>>,
    /// How many were refused, or sent away for others.
    refused: u64,
    /// Grows with each that comes.
    count: u64,
}

#[derive(Debug)]
struct Waiter {
    wish: Wish,
    since: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Waits(Option<Waker>),
    Told(Told),
}

impl Queue {
    /// Lines up for a slot at one of `workers`, with `most` in the whole queue; none when it is full.
    pub(super) fn join(&self, wish: Wish, workers: &[Arc<Worker>], most: usize) -> Option<usize> {
        let mut inner = self.lock();
        let number = inner.join(wish, most)?;
        for worker in workers {
            worker.slots.set_queued(true);
            inner.queued.insert(worker.id, worker.clone());
            inner.serve(worker);
        }
        Some(number)
    }

    /// A slot of that worker may be free: gives it to the next in turn.
    pub(in crate::pool) fn serve(&self, worker: &Arc<Worker>) {
        self.lock().serve(worker);
    }

    /// Something has changed that decides where requests go: all who wait look again.
    pub(in crate::pool) fn stir(&self) {
        self.lock().stir();
    }

    /// What a waiter is told, once.
    pub(super) fn poll(&self, number: usize, cx: &Context<'_>) -> Poll<Told> {
        let mut inner = self.lock();
        let Some(waiter) = inner.waiters.get_mut(number) else {
            return Poll::Ready(Told::Again);
        };
        match &mut waiter.state {
            State::Waits(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            State::Told(told) => Poll::Ready(std::mem::replace(told, Told::Again)),
        }
    }

    /// A waiter is gone; a slot that it was given and did not take goes to the next.
    pub(super) fn leave(&self, number: usize) {
        let untaken = self.lock().leave(number);
        // Not under the lock: a lease that is dropped asks for it.
        drop(untaken);
    }

    /// How many wait.
    pub(in crate::pool) fn waiting(&self) -> usize {
        self.lock().waiting
    }

    /// How many were refused, or sent away for others, as too many waited.
    pub(in crate::pool) fn refused(&self) -> u64 {
        self.lock().refused
    }

    /// True while somebody waits for a worker to come back.
    pub(in crate::pool) fn is_awaited(&self) -> bool {
        self.lock().listening > 0
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn join(&mut self, wish: Wish, most: usize) -> Option<usize> {
        if self.waiting >= most && wish.is_counted() && !self.make_room(wish.caller, most) {
            self.refused += 1;
            return None;
        }
        self.count += 1;
        let number = self.waiters.insert(Waiter {
            wish,
            since: self.count,
            state: State::Waits(None),
        });
        self.lines
            .entry(wish.line())
            .or_default()
            .push(wish.caller, number);
        self.listening += usize::from(wish.listens());
        if wish.is_counted() {
            self.waiting += 1;
            *self.callers.entry(wish.caller).or_default() += 1;
        }
        Some(number)
    }

    /// Sends away the last that the caller with the most has waiting, unless that is the one who comes.
    fn make_room(&mut self, comes: u64, most: usize) -> bool {
        let own = self.callers.get(&comes).copied().unwrap_or(0);
        let fullest = self.callers.iter().max_by_key(|(_, count)| **count);
        let Some((&fullest, _)) = fullest.filter(|(_, count)| **count > own + 1) else {
            return false;
        };
        let theirs = self.waiters.iter().filter(|(_, waiter)| {
            waiter.wish.caller == fullest && waiter.wish.is_counted() && waiter.waits()
        });
        let last = theirs.max_by_key(|(_, waiter)| waiter.since);
        if let Some((number, _)) = last {
            self.refused += 1;
            self.tell(number, Told::Refused);
        }
        self.waiting < most
    }

    /// Gives the free slots of a worker away, one to each line in turn; when nobody waits any more, it need not ask.
    fn serve(&mut self, worker: &Arc<Worker>) {
        if !worker.condition().takes_new() {
            return;
        }
        let goals = [Goal::Slot(worker.id), Goal::AnySlot];
        let lines = goals.map(|goal| [(goal, true), (goal, false)]);
        let lines = lines.as_flattened();
        loop {
            let served = lines.iter().filter(|line| self.serve_one(worker, **line));
            if served.count() == 0 {
                break;
            }
        }
        let is_done = |line: &(Goal, bool)| self.lines.get(line).is_none_or(Line::is_empty);
        if lines.iter().all(is_done) {
            worker.slots.set_queued(false);
            self.queued.remove(&worker.id);
        }
    }

    fn serve_one(&mut self, worker: &Arc<Worker>, (goal, first_sync): (Goal, bool)) -> bool {
        let Some(line) = self.lines.get_mut(&(goal, first_sync)) else {
            return false;
        };
        if line.is_empty() || !worker.slots.take_queued(first_sync) {
            return false;
        }
        let lease = Lease::taken(worker.clone(), first_sync);
        match line.pop() {
            Some(number) => self.tell(number, Told::Lease(lease)),
            None => unreachable!("a line that is not empty has a next one"),
        }
        true
    }

    fn stir(&mut self) {
        let waiting = self.waiters.iter().filter(|(_, waiter)| waiter.waits());
        let mut waiting: Vec<_> = waiting
            .map(|(number, waiter)| (waiter.since, number))
            .collect();
        waiting.sort_unstable();
        self.lines.clear();
        for (_, number) in waiting {
            self.tell(number, Told::Again);
        }
        for worker in std::mem::take(&mut self.queued).into_values() {
            worker.slots.set_queued(false);
        }
    }

    /// Tells one who waits, who is in no line from then on.
    fn tell(&mut self, number: usize, told: Told) {
        self.forget(number);
        let Some(waiter) = self.waiters.get_mut(number) else {
            return;
        };
        if let State::Waits(Some(waker)) = std::mem::replace(&mut waiter.state, State::Told(told)) {
            waker.wake();
        }
    }

    fn leave(&mut self, number: usize) -> Option<State> {
        if self.waiters.get(number).is_some_and(Waiter::waits) {
            self.forget(number);
        }
        self.waiters.try_remove(number).map(|waiter| waiter.state)
    }

    /// Counts one no longer.
    fn forget(&mut self, number: usize) {
        let Some(wish) = self.waiters.get(number).map(|waiter| waiter.wish) else {
            return;
        };
        if let Some(line) = self.lines.get_mut(&wish.line()) {
            line.remove(wish.caller, number);
        }
        self.listening -= usize::from(wish.listens());
        if wish.is_counted() {
            self.waiting -= 1;
            if let Some(own) = self.callers.get_mut(&wish.caller) {
                *own -= 1;
                if *own == 0 {
                    self.callers.remove(&wish.caller);
                }
            }
        }
    }
}

impl Wish {
    fn line(&self) -> (Goal, bool) {
        (self.goal, self.first_sync)
    }

    fn is_counted(&self) -> bool {
        self.goal != Goal::Elsewhere
    }

    fn listens(&self) -> bool {
        matches!(self.goal, Goal::Worker | Goal::Elsewhere)
    }
}

impl Waiter {
    fn waits(&self) -> bool {
        matches!(self.state, State::Waits(_))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::{
        discovery::{Endpoint, Source},
        pool::{Busy, Choice, Condition, Settings, Tried, View, Waiting, Want},
    };

    const KEYED: Want = Want {
        choice: Choice::Keyed(1),
        first_sync: false,
    };

    /// One worker with so many slots, one of them for a first sync.
    fn view(cap: u32, queue: usize) -> Arc<View> {
        let endpoints: Arc<[_]> = [Endpoint::new("one", "127.0.0.1:1".parse().unwrap())].into();
        let mut settings = Settings::new("sync", [], Source::Static(endpoints.clone()));
        settings.cap = NonZeroU32::new(cap).unwrap();
        settings.first_syncs = NonZeroU32::MIN;
        settings.queue = queue;
        Arc::new(View::new(Arc::new(settings), &endpoints.into(), None))
    }

    fn take(view: &Arc<View>, want: Want) -> Lease {
        view.lease(want, &Tried::default()).unwrap()
    }

    fn join(view: &Arc<View>, want: Want, caller: u64) -> Option<Waiting> {
        match view.lease(want, &Tried::default()) {
            Err(Busy::Full(full)) => full.line_up(want, caller),
            other => panic!("{other:?}"),
        }
    }

    fn told(waiting: &mut Waiting) -> Option<Told> {
        match waiting.poll(&Context::from_waker(Waker::noop())) {
            Poll::Ready(told) => Some(told),
            Poll::Pending => None,
        }
    }

    fn leased(waiting: &mut Waiting) -> Lease {
        match told(waiting) {
            Some(Told::Lease(lease)) => lease,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_slot_goes_to_the_next_in_turn_and_to_no_newcomer() {
        let view = view(1, 10);
        let first = take(&view, KEYED);
        let mut burst: Vec<_> = (0..5).map(|_| join(&view, KEYED, 7).unwrap()).collect();
        let mut other = join(&view, KEYED, 8).unwrap();
        assert_eq!(view.waiting(), 6);
        drop(first);
        let lease = leased(&mut burst[0]);
        let mut late = join(&view, KEYED, 9).unwrap();
        drop(lease);
        assert!(
            burst[1..].iter_mut().all(|one| told(one).is_none()),
            "the turn is another's"
        );
        drop(leased(&mut other));
        drop(leased(&mut burst[1]));
        drop(leased(&mut late));
        burst[2..].iter_mut().for_each(|one| drop(leased(one)));
        assert_eq!((view.waiting(), view.workers[0].in_flight()), (0, 0));
        take(&view, KEYED);
    }

    #[test]
    fn a_paused_request_hands_its_slot_on_and_waits_for_another() {
        let view = view(1, 10);
        let mut slow = take(&view, KEYED);
        let mut quick = join(&view, KEYED, 1).unwrap();
        slow.pause();
        let quick = leased(&mut quick);
        let Err(Busy::Full(full)) = view.resume(&slow, KEYED) else {
            panic!("it has a slot although there is one only")
        };
        let mut resumed = full.line_up(KEYED, 2).unwrap();
        assert!(told(&mut resumed).is_none());
        drop(quick);
        let resumed = leased(&mut resumed);
        assert_eq!(resumed.id, slow.id);
        drop(slow);
        assert!(!view.workers[0].is_idle());
        drop(resumed);
        assert!(view.workers[0].is_idle());
    }

    #[test]
    fn a_paused_request_goes_on_at_a_worker_that_gets_no_new_ones() {
        let view = view(1, 10);
        let mut slow = take(&view, KEYED);
        slow.pause();
        let _other = take(&view, KEYED);
        view.workers[0].drain(true);
        view.resume(&slow, KEYED).unwrap();
    }

    #[test]
    fn who_leaves_with_a_slot_hands_it_on() {
        let view = view(1, 10);
        let first = take(&view, KEYED);
        let (gone, given) = (
            join(&view, KEYED, 1).unwrap(),
            join(&view, KEYED, 2).unwrap(),
        );
        let mut last = join(&view, KEYED, 3).unwrap();
        drop(gone);
        assert_eq!(view.waiting(), 2);
        drop(first);
        drop(given);
        drop(leased(&mut last));
        assert_eq!(view.workers[0].in_flight(), 0);
    }

    #[test]
    fn a_full_queue_refuses_who_has_most_there() {
        let view = view(1, 4);
        let _first = take(&view, KEYED);
        let mut burst: Vec<_> = (0..4).map(|_| join(&view, KEYED, 7).unwrap()).collect();
        assert!(join(&view, KEYED, 7).is_none(), "its own");
        let _two = [8, 9].map(|caller| join(&view, KEYED, caller).unwrap());
        assert!(matches!(told(&mut burst[3]), Some(Told::Refused)));
        assert!(matches!(told(&mut burst[2]), Some(Told::Refused)));
        assert!(join(&view, KEYED, 8).is_none(), "nobody has more than two");
        assert_eq!((view.waiting(), view.refused()), (4, 4));
    }

    #[test]
    fn first_syncs_that_wait_hold_up_nobody_else() {
        let view = view(3, 10);
        let want = Want {
            first_sync: true,
            ..KEYED
        };
        let first = take(&view, want);
        let mut next = join(&view, want, 1).unwrap();
        let mut poll = join(&view, KEYED, 2).unwrap();
        let poll = leased(&mut poll);
        assert!(told(&mut next).is_none());
        drop(poll);
        assert!(told(&mut next).is_none());
        drop(first);
        drop(leased(&mut next));
        assert_eq!(view.workers[0].in_flight(), 0);
    }

    #[test]
    fn a_change_lets_all_look_again() {
        let view = view(1, 10);
        let _first = take(&view, KEYED);
        let mut waiting = [1, 2].map(|caller| join(&view, KEYED, caller).unwrap());
        view.workers[0].change(Condition::Ejected);
        for one in &mut waiting {
            assert!(matches!(told(one), Some(Told::Again)));
        }
        assert_eq!(view.waiting(), 0);
    }

    #[test]
    fn threads_hand_slots_on_and_lose_none() {
        let view = view(2, 1000);
        let turns = |thread: u64| {
            let mut count = 0;
            while count < 2000 {
                let lease = match view.lease(KEYED, &Tried::default()) {
                    Ok(lease) => lease,
                    Err(Busy::Full(full)) => wait(full.line_up(KEYED, thread).unwrap()),
                    Err(Busy::NoWorker) => panic!("it takes requests"),
                };
                assert!(view.workers[0].in_flight() <= 2);
                drop(lease);
                count += 1;
            }
        };
        std::thread::scope(|scope| {
            (0..4).for_each(|thread| drop(scope.spawn(move || turns(thread))));
        });
        assert_eq!((view.waiting(), view.workers[0].in_flight()), (0, 0));
    }

    /// Waits on this thread, which is woken by another.
    fn wait(mut waiting: Waiting) -> Lease {
        struct Thread(std::thread::Thread);
        impl std::task::Wake for Thread {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Thread(std::thread::current())));
        loop {
            match waiting.poll(&Context::from_waker(&waker)) {
                Poll::Ready(Told::Lease(lease)) => return lease,
                Poll::Ready(other) => panic!("{other:?}"),
                Poll::Pending => std::thread::park(),
            }
        }
    }
}
