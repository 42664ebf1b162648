//! Who was seen on which worker: whether each user stays on one, and goes home when a dead one is back.

use std::{sync::Mutex, time::Instant};

/// Where everybody of one kind was seen: users on sync workers, rooms on event creators, and so on.
#[derive(Debug)]
pub struct Places(Mutex<State>);

/// How many were seen where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Everybody there is.
    pub all: usize,
    /// Seen on a worker.
    pub placed: usize,
    /// Seen elsewhere because their worker was dead.
    pub moved: usize,
    /// Seen at home again after that.
    pub returned: usize,
    /// Seen on two workers without such a reason; must be none.
    pub split: usize,
}

#[derive(Debug)]
struct State {
    places: Box<[Place]>,
    dead: Option<&'static str>,
}

/// Where one user was seen.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// The first worker.
    home: Option<&'static str>,
    absence: Absence,
    moved: bool,
    split: bool,
}

/// Whether home has been dead.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Absence {
    #[default]
    Never,
    /// Since home died, until the first answer from there.
    Now,
    /// Ended then: what was asked earlier may still come from elsewhere.
    Until(Instant),
}

impl Places {
    /// Nobody was seen yet.
    pub fn new(count: usize) -> Self {
        Self(Mutex::new(State {
            places: vec![Place::default(); count].into(),
            dead: None,
        }))
    }

    /// One of them got an answer from `worker`, to what was asked at `asked`.
    pub fn seen(&self, who: usize, worker: &'static str, asked: Instant) {
        let mut state = self.state();
        let alive = state.dead != Some(worker);
        state.places[who].seen(worker, alive, asked);
    }

    /// A worker is dead: whoever was at home there may go elsewhere. Says how many that are.
    pub fn died(&self, worker: &'static str) -> usize {
        let mut state = self.state();
        state.dead = Some(worker);
        let homeless = state
            .places
            .iter_mut()
            .filter(|place| place.home == Some(worker));
        homeless.map(|place| place.absence = Absence::Now).count()
    }

    /// The dead worker is back.
    pub fn revived(&self) {
        self.state().dead = None;
    }

    /// How many were seen where.
    pub fn counts(&self) -> Counts {
        let state = self.state();
        let count = |is: fn(&Place) -> bool| state.places.iter().filter(|place| is(place)).count();
        Counts {
            all: state.places.len(),
            placed: count(|place| place.home.is_some()),
            moved: count(|place| place.moved),
            returned: count(|place| place.moved && place.absence != Absence::Now),
            split: count(|place| place.split),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics while holding it")
    }
}

impl Place {
    fn seen(&mut self, worker: &'static str, alive: bool, asked: Instant) {
        let home = *self.home.get_or_insert(worker);
        match self.absence {
            Absence::Now if home != worker => self.moved = true,
            // An answer that the dead worker wrote before it died is no return.
            Absence::Now if alive => self.absence = Absence::Until(Instant::now()),
            Absence::Until(back) if home != worker && asked < back => {}
            Absence::Now => {}
            _ => self.split |= home != worker,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_stays_is_on_one_worker() {
        let places = Places::new(2);
        places.seen(0, "sync1", Instant::now());
        places.seen(0, "sync1", Instant::now());
        let expected = Counts {
            all: 2,
            placed: 1,
            ..Counts::default()
        };
        assert_eq!(places.counts(), expected);
    }

    #[test]
    fn another_worker_without_a_reason_counts_even_when_it_was_once() {
        let places = Places::new(1);
        for worker in ["sync1", "sync3", "sync1"] {
            places.seen(0, worker, Instant::now());
        }
        assert_eq!(places.counts().split, 1);
    }

    #[test]
    fn whoever_moves_off_a_dead_worker_and_goes_home_is_not_split() {
        let places = Places::new(1);
        places.seen(0, "sync2", Instant::now());
        assert_eq!(places.died("sync2"), 1);
        places.seen(0, "sync2", Instant::now());
        places.seen(0, "sync3", Instant::now());
        let moved = Counts {
            all: 1,
            placed: 1,
            moved: 1,
            returned: 0,
            split: 0,
        };
        assert_eq!(places.counts(), moved);

        places.revived();
        let before = Instant::now();
        places.seen(0, "sync2", before);
        places.seen(0, "sync3", before);
        assert_eq!(
            places.counts(),
            Counts {
                returned: 1,
                ..moved
            }
        );

        places.seen(0, "sync3", Instant::now());
        assert_eq!(places.counts().split, 1);
    }

    #[test]
    fn a_death_elsewhere_is_no_reason_to_move() {
        let places = Places::new(1);
        places.seen(0, "sync1", Instant::now());
        assert_eq!(places.died("sync2"), 0);
        places.seen(0, "sync3", Instant::now());
        assert_eq!(places.counts().split, 1);
    }
}
