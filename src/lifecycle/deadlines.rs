//! One deadline per connection, swept together: a parked request pays 40 bytes and no timer.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::{Context, Waker},
    time::Duration,
};

use slab::Slab;
use tokio::time::{Instant, interval, sleep_until};

/// How often deadlines are looked at and the clock is asked: a deadline comes at most twice this much late, never early.
const SWEEP: Duration = Duration::from_millis(250);

/// All deadlines of one thread.
#[derive(Clone)]
pub struct Deadlines(Rc<Table>);

struct Table {
    slots: RefCell<Slab<Slot>>,
    /// The time of the last sweep: no clock is asked on the road of a request.
    now: Cell<Instant>,
    /// Each answer is the last of its connection.
    last: Cell<bool>,
    hurry: Cell<bool>,
}

struct Slot {
    at: Option<Instant>,
    waker: Option<Waker>,
    idle: bool,
    /// Whom the connection waits for, by a number of the caller's.
    holds: u32,
    /// What to do as whom it waits for is gone.
    cut: Option<Cut>,
    /// The listener that the client came in by; [`CLOSED`] once that is closed.
    listener: u16,
}

/// No listener has this number.
const CLOSED: u16 = u16::MAX;

/// Whom a connection waits for is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It waits for another, if that does no harm.
    Move,
    /// It waits no longer.
    End,
}

/// The deadline of one connection.
pub struct Deadline {
    table: Rc<Table>,
    slot: usize,
}

impl Default for Deadlines {
    fn default() -> Self {
        let now = Cell::new(Instant::now());
        Self(Rc::new(Table {
            slots: RefCell::default(),
            now,
            last: Cell::new(false),
            hurry: Cell::new(false),
        }))
    }
}

impl Deadlines {
    /// The deadline, not set yet, of a connection that came in by that listener.
    pub fn add(&self, listener: u16) -> Deadline {
        let slot = self.0.slots.borrow_mut().insert(Slot {
            at: None,
            waker: None,
            idle: false,
            holds: 0,
            cut: None,
            listener,
        });
        Deadline {
            table: self.0.clone(),
            slot,
        }
    }

    /// The deadline, not set yet, of what goes on without a connection.
    pub fn alone(&self) -> Deadline {
        self.add(CLOSED)
    }

    /// Wakes whatever is late, for ever; calls `also` at each sweep.
    ///
    /// To end a connection takes longer than to serve a request, and its client may be back at once: the late are woken
    /// one by one until the next sweep, so that nobody waits for all of them.
    pub async fn sweep(&self, mut also: impl FnMut(Instant)) {
        let mut ticks = interval(SWEEP);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let now = ticks.tick().await;
            self.0.now.set(now);
            also(now);
            let late = self.late(now);
            for (turn, &slot) in late.iter().enumerate() {
                sleep_until(now + SWEEP * turn as u32 / late.len() as u32).await;
                self.wake_one(slot);
            }
        }
    }

    /// From now on each answer is the last of its connection.
    pub fn last_answers(&self) {
        self.0.last.set(true);
    }

    /// From now on idle connections are late at once.
    pub fn hurry(&self) {
        self.last_answers();
        self.0.hurry.set(true);
        self.wake(|slot| slot.idle);
    }

    /// From now on idle connections that came in by that listener are late at once.
    pub fn close(&self, listener: u16) {
        let mut slots = self.0.slots.borrow_mut();
        for (_, slot) in slots
            .iter_mut()
            .filter(|(_, slot)| slot.listener == listener)
        {
            slot.listener = CLOSED;
        }
        drop(slots);
        self.wake(|slot| slot.idle && slot.listener == CLOSED);
    }

    /// Tells every connection that holds `number`.
    pub fn cut(&self, number: u32, cut: Cut) {
        let mut slots = self.0.slots.borrow_mut();
        for (_, slot) in slots.iter_mut().filter(|(_, slot)| slot.holds == number) {
            slot.cut = Some(cut);
        }
        drop(slots);
        self.wake(|slot| slot.cut.is_some());
    }

    /// The time of the last sweep: at most [`SWEEP`] ago while the thread turns.
    pub fn now(&self) -> Instant {
        self.0.now.get()
    }

    /// How many connections have a deadline here.
    pub fn len(&self) -> usize {
        self.0.slots.borrow().len()
    }

    /// True when no connection is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn late(&self, now: Instant) -> Vec<usize> {
        let slots = self.0.slots.borrow();
        let late = slots
            .iter()
            .filter(|(_, slot)| slot.at.is_some_and(|at| at <= now));
        late.map(|(place, _)| place).collect()
    }

    /// Whoever has that slot by now looks at its own deadline.
    fn wake_one(&self, slot: usize) {
        let slots = self.0.slots.borrow();
        if let Some(waker) = slots.get(slot).and_then(|slot| slot.waker.as_ref()) {
            waker.wake_by_ref();
        }
    }

    fn wake(&self, late: impl Fn(&Slot) -> bool) {
        let slots = self.0.slots.borrow();
        let late = slots.iter().filter(|(_, slot)| late(slot));
        late.filter_map(|(_, slot)| slot.waker.as_ref())
            .for_each(Waker::wake_by_ref);
    }
}

impl Deadline {
    /// Another deadline, not set yet, of a client that came in by the same listener.
    pub fn again(&self) -> Self {
        let listener = self.table.slots.borrow()[self.slot].listener;
        Deadlines(self.table.clone()).add(listener)
    }

    /// The connection works on a request and has `time` from now.
    pub fn set(&self, time: Duration) {
        self.put(time, false);
    }

    /// The connection waits for somebody, whose number is not 0, until it holds another.
    pub fn hold(&self, number: u32) {
        let slot = &mut self.table.slots.borrow_mut()[self.slot];
        (slot.holds, slot.cut) = (number, None);
    }

    /// What to do when whom it waits for is gone.
    pub fn cut(&self) -> Option<Cut> {
        self.table.slots.borrow()[self.slot].cut
    }

    /// The connection waits for its next request and has `time` from now.
    pub fn set_idle(&self, time: Duration) {
        self.put(time, true);
    }

    /// True when its time is up; from then on the task of `cx` is woken when it is.
    pub fn is_over(&self, cx: &Context<'_>) -> bool {
        let mut slots = self.table.slots.borrow_mut();
        let slot = &mut slots[self.slot];
        if !slot
            .waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            slot.waker = Some(cx.waker().clone());
        }
        (slot.idle && (self.table.hurry.get() || slot.listener == CLOSED))
            || slot.at.is_some_and(|at| at <= self.table.now.get())
    }

    /// True when the next answer is the connection's last.
    pub fn is_last(&self) -> bool {
        self.table.last.get() || self.table.slots.borrow()[self.slot].listener == CLOSED
    }

    fn put(&self, time: Duration, idle: bool) {
        let slot = &mut self.table.slots.borrow_mut()[self.slot];
        (slot.at, slot.idle) = (Some(self.table.now.get() + SWEEP + time), idle);
        if idle {
            (slot.holds, slot.cut) = (0, None);
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.table.slots.borrow_mut().remove(self.slot);
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Poll};

    use tokio::{
        task::{LocalSet, spawn_local},
        time::sleep,
    };

    use super::*;

    #[test]
    fn the_late_come_one_by_one() {
        swept(async |deadlines| {
            let late = Rc::new(Cell::new(0));
            for _ in 0..50 {
                let (deadline, late) = (deadlines.add(1), late.clone());
                deadline.set(Duration::from_secs(1));
                spawn_local(async move {
                    over(&deadline).await;
                    late.set(late.get() + 1);
                });
            }
            while late.get() < 50 {
                let before = late.get();
                sleep(Duration::from_millis(5)).await;
                assert!(late.get() - before <= 2, "{}", late.get() - before);
            }
        });
    }

    async fn over(deadline: &Deadline) {
        poll_fn(|cx| {
            if deadline.is_over(cx) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    fn swept(test: impl AsyncFn(Deadlines)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        LocalSet::new().block_on(&runtime, async {
            let deadlines = Deadlines::default();
            let sweeper = deadlines.clone();
            spawn_local(async move { sweeper.sweep(|_| ()).await });
            test(deadlines).await;
        });
    }

    #[test]
    fn wakes_the_late_within_two_sweeps() {
        swept(async |deadlines| {
            let start = Instant::now();
            let deadline = deadlines.add(0);
            deadline.set(Duration::from_secs(90));
            over(&deadline).await;
            let took = start.elapsed();
            assert!(
                took >= Duration::from_secs(90) && took <= Duration::from_secs(90) + 2 * SWEEP,
                "{took:?}"
            );
        });
    }

    #[test]
    fn a_later_deadline_replaces_the_first() {
        swept(async |deadlines| {
            let start = Instant::now();
            let deadline = deadlines.add(0);
            deadline.set(Duration::from_secs(5));
            deadline.set(Duration::from_secs(500));
            over(&deadline).await;
            assert!(start.elapsed() >= Duration::from_secs(500));
        });
    }

    #[test]
    fn hurry_ends_idle_connections_only() {
        swept(async |deadlines| {
            let (idle, busy, start) = (deadlines.add(0), deadlines.add(0), Instant::now());
            idle.set_idle(Duration::from_secs(600));
            busy.set(Duration::from_secs(30));
            let hurry = deadlines.clone();
            spawn_local(async move { hurry.hurry() });
            over(&idle).await;
            assert_eq!(start.elapsed(), Duration::ZERO);
            over(&busy).await;
            assert!(start.elapsed() >= Duration::from_secs(30));
        });
    }

    #[test]
    fn a_closed_listener_ends_its_own_idle_connections_only() {
        swept(async |deadlines| {
            let (gone, stays, start) = (deadlines.add(1), deadlines.add(2), Instant::now());
            gone.set_idle(Duration::from_secs(600));
            stays.set_idle(Duration::from_secs(30));
            let closer = deadlines.clone();
            spawn_local(async move { closer.close(1) });
            over(&gone).await;
            assert_eq!(start.elapsed(), Duration::ZERO);
            assert!(gone.is_last() && !stays.is_last());
            over(&stays).await;
            assert!(start.elapsed() >= Duration::from_secs(30));
        });
    }

    #[test]
    fn a_dropped_deadline_is_forgotten() {
        let deadlines = Deadlines::default();
        let deadline = deadlines.add(0);
        assert_eq!(deadlines.len(), 1);
        drop(deadline);
        assert!(deadlines.is_empty());
    }
}
