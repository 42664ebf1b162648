//! How many requests a worker has, and may have: one number, so that a slot is taken with one atomic compare.

use std::sync::atomic::{AtomicU64, Ordering};

/// The slots of one worker. First syncs count twice: among all requests, and among their own kind.
#[derive(Debug, Default)]
pub(in crate::pool) struct Slots {
    /// Requests in the low half, first syncs in the high half, as in `caps`.
    taken: AtomicU64,
    caps: AtomicU64,
    /// Requests that wait for their clients and have none, counted in the same way.
    paused: AtomicU64,
}

/// One first sync, as the high half counts it.
const FIRST: u64 = 1 << 32;

/// All of the low half.
const LOW: u64 = FIRST - 1;

/// Set while somebody waits for a slot here: who gives one back hands it on, and who comes lines up.
const QUEUED: u64 = 1 << 63;

impl Slots {
    /// From now on there are so many for all requests, and for first syncs among them.
    pub(in crate::pool) fn set_caps(&self, all: u32, first_syncs: u32) {
        let caps = (u64::from(first_syncs) << 32) | u64::from(all);
        self.caps.store(caps, Ordering::Relaxed);
    }

    /// Takes a slot if there is one.
    pub(in crate::pool) fn take(&self, first_sync: bool) -> bool {
        let caps = self.caps.load(Ordering::Relaxed);
        self.update(
            |taken| taken & QUEUED == 0 && has_room(taken, caps, first_sync),
            first_sync,
        )
    }

    /// The same for somebody who has waited.
    pub(super) fn take_queued(&self, first_sync: bool) -> bool {
        let caps = self.caps.load(Ordering::Relaxed);
        self.update(|taken| has_room(taken, caps, first_sync), first_sync)
    }

    fn update(&self, is_free: impl Fn(u64) -> bool, first_sync: bool) -> bool {
        let next = |taken| is_free(taken).then(|| taken + step(first_sync));
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .is_ok()
    }

    /// Takes a slot whether there is one or not.
    pub(in crate::pool) fn take_anyway(&self, first_sync: bool) {
        self.taken.fetch_add(step(first_sync), Ordering::Relaxed);
    }

    /// Gives a slot back; true when somebody waits for it.
    pub(in crate::pool) fn give_back(&self, first_sync: bool) -> bool {
        self.taken.fetch_sub(step(first_sync), Ordering::Relaxed) & QUEUED != 0
    }

    /// Counts a request that will give its slot back while its client is slow. False for a first sync when as many as
    /// may run do so: an answer that nobody reads stays in the worker's memory, and theirs are large.
    pub(in crate::pool) fn pause(&self, first_sync: bool) -> bool {
        let most = self.caps.load(Ordering::Relaxed) >> 32;
        let next = |paused| (!first_sync || paused >> 32 < most).then(|| paused + step(first_sync));
        self.paused
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .is_ok()
    }

    /// Counts it no longer.
    pub(in crate::pool) fn end_pause(&self, first_sync: bool) {
        self.paused.fetch_sub(step(first_sync), Ordering::Relaxed);
    }

    /// Requests that wait for their clients.
    pub(in crate::pool) fn paused(&self) -> u32 {
        (self.paused.load(Ordering::Relaxed) & LOW) as u32
    }

    /// Says whether somebody waits for a slot.
    pub(super) fn set_queued(&self, queued: bool) {
        match queued {
            true => self.taken.fetch_or(QUEUED, Ordering::Relaxed),
            false => self.taken.fetch_and(!QUEUED, Ordering::Relaxed),
        };
    }

    /// True when there is one.
    pub(in crate::pool) fn is_free(&self, first_sync: bool) -> bool {
        let caps = self.caps.load(Ordering::Relaxed);
        let taken = self.taken.load(Ordering::Relaxed);
        taken & QUEUED == 0 && has_room(taken, caps, first_sync)
    }

    /// Requests that have one.
    pub(in crate::pool) fn taken(&self) -> u32 {
        (self.taken.load(Ordering::Relaxed) & LOW) as u32
    }
}

fn step(first_sync: bool) -> u64 {
    if first_sync { FIRST + 1 } else { 1 }
}

fn has_room(taken: u64, caps: u64, first_sync: bool) -> bool {
    taken & LOW < caps & LOW && (!first_sync || (taken & !QUEUED) >> 32 < caps >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(all: u32, first_syncs: u32) -> Slots {
        let slots = Slots::default();
        slots.set_caps(all, first_syncs);
        slots
    }

    #[test]
    fn first_syncs_have_a_cap_of_their_own_within_that_of_all() {
        let slots = slots(3, 1);
        assert!(slots.take(true));
        assert!(!slots.take(true) && slots.take(false) && slots.take(false));
        assert!(!slots.take(false) && !slots.is_free(false));
        slots.give_back(true);
        assert!(slots.is_free(true) && slots.take(false) && !slots.take(true));
        assert_eq!(slots.taken(), 3);
        slots.take_anyway(true);
        assert_eq!(slots.taken(), 4);
    }

    #[test]
    fn while_somebody_waits_newcomers_line_up() {
        let slots = slots(2, 1);
        slots.set_queued(true);
        assert!(!slots.take(false) && !slots.is_free(false));
        assert!(slots.take_queued(true) && !slots.take_queued(true) && slots.take_queued(false));
        assert!(slots.give_back(true));
        slots.set_queued(false);
        assert!(slots.take(true) && !slots.give_back(true));
        assert_eq!(slots.taken(), 1);
    }

    #[test]
    fn as_many_first_syncs_may_pause_as_may_run() {
        let slots = slots(2, 1);
        assert!(slots.pause(true) && !slots.pause(true));
        assert!((0..3).all(|_| slots.pause(false)));
        assert_eq!((slots.paused(), slots.taken()), (4, 0));
        slots.end_pause(true);
        assert!(slots.pause(true));
    }

    #[test]
    fn threads_never_take_more_than_there_are() {
        let slots = slots(3, 3);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        if slots.take(false) {
                            assert!(slots.taken() <= 3);
                            slots.give_back(false);
                        }
                    }
                });
            }
        });
        assert_eq!(slots.taken(), 0);
    }
}
