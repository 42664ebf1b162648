//! A pool's snapshot: its workers in one array, ready to choose from.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ahash::HashMap;
use tokio::time::Instant;

use super::{Condition, Lease, Settings, Worker, WorkerId, admission::Queue, budget::Budget};
use crate::{
    balance::{self, Order},
    discovery::{Endpoint, Found, Stale},
};

/// With fewer requests in flight a worker hands no keys on, whatever the others have.
const FLOOR: f64 = 20.0;

/// A pool as the requests of this moment see it; a change of its workers makes a new one.
#[derive(Debug)]
pub struct View {
    /// What the configuration says of it.
    pub settings: Arc<Settings>,
    /// Its workers, in their source's order, which places nobody.
    pub workers: Box<[Arc<Worker>]>,
    /// Set while their source cannot be asked.
    pub stale: Option<Arc<Stale>>,
    seeds: Box<[u64]>,
    weights: Box<[f64]>,
    /// Which of them are near; empty where that says nothing.
    near: Box<[bool]>,
    spared: AtomicBool,
    budget: Arc<Budget>,
    pub(super) queue: Arc<Queue>,
}

/// How one worker of a pool is chosen for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// By the hash of its key: the same worker on every replica.
    Keyed(u64),
    /// The one with the least requests in flight.
    LeastBusy,
}

/// What a request asks of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// How its worker is chosen.
    pub choice: Choice,
    /// It is a first sync, of which a worker bears few.
    pub first_sync: bool,
}

/// Why a pool gives no slot now.
#[derive(Clone, Debug)]
pub enum Busy {
    /// No worker takes requests.
    NoWorker,
    /// As many requests run as may; boxed, as it is rare.
    Full(Box<Full>),
}

/// What has no free slot.
#[derive(Clone, Debug)]
pub struct Full {
    pub(super) pool: Arc<View>,
    /// The worker of the request's key; without one each worker that takes requests is full.
    pub(super) worker: Option<Arc<Worker>>,
}

impl From<Choice> for Want {
    fn from(choice: Choice) -> Self {
        Self {
            choice,
            first_sync: false,
        }
    }
}

/// The workers that already refused or lost this request: a small set, the oldest is forgotten.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tried {
    workers: [Option<WorkerId>; Self::MOST],
    count: u8,
    wary: bool,
}

impl Tried {
    /// A request goes to at most this many workers.
    pub const MOST: usize = 3;

    /// None yet, and only those will do that have not just failed anybody.
    pub const WARY: Self = Self {
        workers: [None; Self::MOST],
        count: 0,
        wary: true,
    };

    /// Adds a worker.
    pub fn add(&mut self, worker: WorkerId) {
        self.workers[usize::from(self.count) % Self::MOST] = Some(worker);
        self.count += 1;
    }

    /// True when the request has been to as many as it may.
    pub fn is_full(&self) -> bool {
        usize::from(self.count) >= Self::MOST
    }

    pub(super) fn refuses(&self, worker: &Worker) -> bool {
        self.workers.contains(&Some(worker.id)) || (self.wary && worker.strikes() > 0)
    }
}

impl View {
    /// The pool of `settings` with the workers that its source `found`; those that `before` had already are kept,
    /// with their counts and connections.
    pub fn new(settings: Arc<Settings>, found: &Found, before: Option<&Self>) -> Self {
        let queue: Arc<Queue> = before.map_or_else(Arc::default, |view| view.queue.clone());
        let there = before.iter().flat_map(|view| &view.workers);
        let there: HashMap<_, _> = there.map(|worker| (&*worker.name, worker)).collect();
        let workers: Box<[_]> = found
            .endpoints
            .iter()
            .map(|endpoint| {
                let known = there.get(&*endpoint.name).copied();
                let worker = known
                    .filter(|worker| worker.is(&settings, endpoint))
                    .cloned()
                    .unwrap_or_else(|| {
                        let worker = Worker::new(&settings, endpoint, queue.clone());
                        worker.drain(known.is_some_and(|known| known.is_marked()));
                        Arc::new(worker)
                    });
                worker.go(endpoint.draining);
                worker
                    .slots
                    .set_caps(settings.cap.get(), settings.first_syncs.get());
                worker
            })
            .collect();
        Self {
            seeds: workers.iter().map(|worker| worker.seed).collect(),
            weights: weights(&workers),
            near: near(&found.endpoints),
            workers,
            queue,
            settings,
            stale: found.stale.clone(),
            budget: before.map_or_else(Arc::default, |view| view.budget.clone()),
            spared: AtomicBool::new(before.is_some_and(Self::is_spared)),
        }
    }

    /// The worker of that name.
    pub fn worker(&self, name: &str) -> Option<&Arc<Worker>> {
        self.workers.iter().find(|worker| &*worker.name == name)
    }

    /// All workers in the order in which a key tries them; sick ones too.
    pub fn candidates(&self, key: u64) -> impl Iterator<Item = &Arc<Worker>> {
        Order::new(&self.seeds, &self.weights)
            .candidates(key)
            .map(|index| &self.workers[index])
    }

    /// True when a worker takes new requests.
    pub fn is_ready(&self) -> bool {
        self.workers
            .iter()
            .any(|worker| worker.condition().takes_new())
    }

    /// Leases the best worker that takes new requests and was not tried. Whoever has a key waits for its own worker
    /// when that is full: it does not go to another.
    ///
    /// # Errors
    /// When it must wait, with what for.
    pub fn lease(self: &Arc<Self>, want: Want, tried: &Tried) -> Result<Lease, Busy> {
        match want.choice {
            Choice::Keyed(key) => self.lease_at(self.place(key, tried), want),
            Choice::LeastBusy => self.lease_any(want, tried),
        }
    }

    /// The same where no other pool takes the request: at a worker that starts, though it has not got its key back.
    ///
    /// # Errors
    /// When it must wait, with what for.
    pub fn lease_early(self: &Arc<Self>, want: Want, tried: &Tried) -> Result<Lease, Busy> {
        let Choice::Keyed(key) = want.choice else {
            return Err(Busy::NoWorker);
        };
        let starts = |index: usize| {
            let worker = &self.workers[index];
            !tried.refuses(worker) && worker.condition() == Condition::Starting
        };
        let order = Order::new(&self.seeds, &self.weights);
        self.lease_at(order.first(key, starts), want)
    }

    /// The slot of a paused request again: its worker waits for it, no other can go on.
    ///
    /// # Errors
    /// When it must wait, with what for.
    pub fn resume(self: &Arc<Self>, lease: &Lease, want: Want) -> Result<Lease, Busy> {
        lease
            .again(want.first_sync)
            .ok_or_else(|| self.full(Some(lease.worker().clone())))
    }

    fn lease_at(self: &Arc<Self>, index: Option<usize>, want: Want) -> Result<Lease, Busy> {
        let index = index.ok_or(Busy::NoWorker)?;
        self.take(index, want)
            .ok_or_else(|| self.full(Some(self.workers[index].clone())))
    }

    /// The same beyond all caps, for what is short and must not wait.
    pub fn lease_anyway(&self, choice: Choice, tried: &Tried) -> Option<Lease> {
        let index = match choice {
            Choice::Keyed(key) => self.place(key, tried),
            Choice::LeastBusy => self
                .least_busy(tried, |_| true)
                .filter(|&index| self.workers[index].take_any()),
        };
        index.map(|index| Lease::new(self.workers[index].clone()))
    }

    fn take(&self, index: usize, want: Want) -> Option<Lease> {
        let worker = &self.workers[index];
        let is_taken = worker.enter(want.first_sync);
        is_taken.then(|| Lease::taken(worker.clone(), want.first_sync))
    }

    /// Other threads may take the last slot of the worker found: then the next one is looked for.
    fn lease_any(self: &Arc<Self>, want: Want, tried: &Tried) -> Result<Lease, Busy> {
        for _ in 0..=self.workers.len() {
            let has_room = |worker: &Worker| worker.has_room(want.first_sync);
            let Some(index) = self.least_busy(tried, has_room) else {
                break;
            };
            let is_taken = self.workers[index].take_any();
            if let Some(lease) = is_taken.then(|| self.take(index, want)).flatten() {
                return Ok(lease);
            }
        }
        let takes = |worker: &Arc<Worker>| !tried.refuses(worker) && worker.takes_any();
        match self.workers.iter().any(takes) {
            true => Err(self.full(None)),
            false => Err(Busy::NoWorker),
        }
    }

    fn full(self: &Arc<Self>, worker: Option<Arc<Worker>>) -> Busy {
        Busy::Full(Box::new(Full {
            pool: self.clone(),
            worker,
        }))
    }

    fn place(&self, key: u64, tried: &Tried) -> Option<usize> {
        let order = Order::new(&self.seeds, &self.weights);
        let takes = |index: usize| {
            let worker = &self.workers[index];
            !tried.refuses(worker) && worker.take_place(key)
        };
        let Some(spill) = self.settings.spill else {
            return order.first(key, takes);
        };
        let bound = spill * self.mean();
        let is_hot = |index: usize| {
            let worker = &self.workers[index];
            f64::from(worker.in_flight()) >= (bound * worker.weight).max(FLOOR)
        };
        let cool = order.first(key, |index| !is_hot(index) && takes(index));
        cool.or_else(|| order.first(key, takes))
    }

    /// Requests in flight for each unit of weight of the workers that take requests.
    fn mean(&self) -> f64 {
        let takes = |worker: &&Arc<Worker>| worker.condition().takes_new();
        let workers = self.workers.iter().filter(takes);
        let (requests, weight) = workers.fold((0.0, 0.0), |(requests, weight), worker| {
            (
                requests + f64::from(worker.in_flight()),
                weight + worker.weight,
            )
        });
        requests / f64::max(weight, f64::MIN_POSITIVE)
    }

    fn least_busy(&self, tried: &Tried, fits: impl Fn(&Worker) -> bool) -> Option<usize> {
        let load = |index: usize| {
            let worker = &self.workers[index];
            let allowed = !tried.refuses(worker) && worker.takes_any() && fits(worker);
            allowed.then(|| worker.load())
        };
        let near = |index: usize| self.near[index].then(|| load(index))?;
        let (count, turn) = (self.workers.len(), turn());
        let of_ours = match self.near.is_empty() {
            true => None,
            false => balance::least(count, turn, near),
        };
        of_ours.or_else(|| balance::least(count, turn, load))
    }

    /// True when one more request may be sent again; what is allowed in a while is bounded.
    pub fn may_repeat(&self, now: Instant) -> bool {
        let in_flight = self.workers.iter().map(|worker| worker.in_flight()).sum();
        self.budget.take(now, in_flight)
    }

    /// How many requests wait here.
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// How many requests the full queue has refused since the start.
    pub fn refused(&self) -> u64 {
        self.queue.refused()
    }

    /// Another snapshot has come in this one's place: who waits looks again.
    pub fn stir(&self) {
        self.queue.stir();
    }

    /// True when so many workers are sick at once that the sickness must be elsewhere, and none is ejected.
    pub fn is_spared(&self) -> bool {
        self.spared.load(Ordering::Relaxed)
    }

    pub(super) fn set_spared(&self, spared: bool) {
        if self.spared.swap(spared, Ordering::Relaxed) != spared && self.workers.len() > 1 {
            tracing::warn!(
                pool = &*self.settings.name,
                "most workers are sick: {}",
                if spared {
                    "the fault is elsewhere, none is ejected"
                } else {
                    "no longer"
                }
            );
        }
    }
}

fn weights(workers: &[Arc<Worker>]) -> Box<[f64]> {
    let same = workers
        .windows(2)
        .all(|pair| pair[0].weight == pair[1].weight);
    match same {
        true => Box::default(),
        false => workers.iter().map(|worker| worker.weight).collect(),
    }
}

fn near(endpoints: &[Endpoint]) -> Box<[bool]> {
    match endpoints
        .windows(2)
        .all(|pair| pair[0].near == pair[1].near)
    {
        true => Box::default(),
        false => endpoints.iter().map(|endpoint| endpoint.near).collect(),
    }
}

/// A number that grows with each call on this thread.
fn turn() -> usize {
    thread_local! { static TURN: Cell<usize> = const { Cell::new(0) }; }
    TURN.with(|turn| turn.replace(turn.get().wrapping_add(1)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::discovery::Source;

    fn settings() -> Arc<Settings> {
        Arc::new(Settings::new("sync", [], Source::Static([].into())))
    }

    fn found(workers: &[(&str, bool)]) -> Found {
        let endpoint = |(index, (name, draining)): (usize, &(&str, bool))| Endpoint {
            draining: *draining,
            ..Endpoint::new(*name, format!("10.0.0.{index}:8083").parse().unwrap())
        };
        let endpoints: Arc<[_]> = workers.iter().enumerate().map(endpoint).collect();
        endpoints.into()
    }

    fn placed(view: &Arc<View>) -> Vec<String> {
        let lease = |key| {
            view.lease(Choice::Keyed(key).into(), &Tried::default())
                .ok()
        };
        let keys = (0..64u64).map(|key| key.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        keys.filter_map(lease).map(|l| l.name.to_string()).collect()
    }

    #[test]
    fn one_that_drains_gets_nothing_new_and_moves_nobody_else() {
        let before = Arc::new(View::new(
            settings(),
            &found(&[("a", false), ("b", false)]),
            None,
        ));
        assert!(placed(&before).iter().any(|name| name == "a"));
        let after = found(&[("a", true), ("b", false)]);
        let after = Arc::new(View::new(settings(), &after, Some(&before)));
        assert_eq!(after.workers[0].condition(), Condition::Draining);
        assert_eq!(
            after.workers[0], before.workers[0],
            "what runs there stays counted"
        );
        assert!(placed(&after).iter().all(|name| name == "b"));
        assert_eq!(placed(&after).len(), 64);
    }

    /// A pool of workers with so many requests each.
    fn loaded(loads: &[u32], spill: Option<f64>) -> Arc<View> {
        let names: Vec<_> = (0..loads.len()).map(|n| format!("sync{n}")).collect();
        let names: Vec<_> = names.iter().map(|name| (name.as_str(), false)).collect();
        let mut settings = (*settings()).clone();
        settings.spill = spill;
        let view = View::new(Arc::new(settings), &found(&names), None);
        for (worker, load) in view.workers.iter().zip(loads) {
            (0..*load).for_each(|_| worker.slots.take_anyway(false));
        }
        Arc::new(view)
    }

    proptest! {
        #[test]
        fn load_moves_nobody_by_default(key: u64, loads in vec(0..1000u32, 1..8)) {
            let view = loaded(&loads, None);
            let lease = view.lease(Choice::Keyed(key).into(), &Tried::default()).unwrap();
            prop_assert_eq!(&lease.name, &view.candidates(key).next().unwrap().name);
        }

        #[test]
        fn a_hot_worker_hands_keys_to_the_next_that_is_not(key: u64, loads in vec(0..1000u32, 1..8)) {
            let view = loaded(&loads, Some(1.5));
            let mean = loads.iter().sum::<u32>() as f64 / loads.len() as f64;
            let is_cool = |worker: &&Arc<Worker>| f64::from(worker.in_flight()) < (1.5 * mean).max(20.0);
            let expected = view.candidates(key).find(is_cool).unwrap().name.clone();
            let lease = view.lease(Choice::Keyed(key).into(), &Tried::default()).unwrap();
            prop_assert_eq!(&lease.name, &expected);
        }
    }

    #[test]
    fn near_ones_come_first_where_no_key_places() {
        let mut endpoints = found(&[("a", false), ("b", false)]).endpoints.to_vec();
        endpoints[1].near = true;
        let view = |endpoints: &[Endpoint]| {
            let endpoints: Arc<[_]> = endpoints.into();
            Arc::new(View::new(settings(), &endpoints.into(), None))
        };
        let chosen = |view: &Arc<View>, held: usize| {
            let leases: Vec<_> = (0..held)
                .filter_map(|_| view.lease(Choice::LeastBusy.into(), &Tried::default()).ok())
                .collect();
            let of = |name: &str| leases.iter().filter(|lease| &*lease.name == name).count();
            (of("a"), of("b"))
        };
        let both = view(&endpoints);
        assert_eq!(chosen(&both, 8), (0, 8));
        both.workers[1].change(Condition::Ejected);
        assert_eq!(chosen(&both, 8), (8, 0), "better a far one than none");
        both.workers[1].change(Condition::Serving);
        assert_eq!(
            placed(&both),
            placed(&view(&found(&[("a", false), ("b", false)]).endpoints)),
            "a key decides alone"
        );
        endpoints[0].near = true;
        assert_eq!(chosen(&view(&endpoints), 8), (4, 4));
    }

    #[test]
    fn far_ones_take_turns_while_those_near_are_sick() {
        let all = [("a", false), ("b", false), ("c", false), ("d", false)];
        let mut endpoints = found(&all).endpoints.to_vec();
        (endpoints[0].near, endpoints[3].near) = (true, true);
        let endpoints: Arc<[_]> = endpoints.into();
        let view = Arc::new(View::new(settings(), &endpoints.into(), None));
        view.workers[0].change(Condition::Ejected);
        view.workers[3].change(Condition::Ejected);
        for _ in 0..2 {
            let one = |_| {
                let lease = view.lease(Choice::LeastBusy.into(), &Tried::default());
                lease.map(|lease| lease.name.to_string()).unwrap()
            };
            let names: BTreeSet<String> = (0..4).map(one).collect();
            assert_eq!(names.len(), 2, "{names:?}");
            // Whichever turn comes first.
            turn();
        }
    }

    #[test]
    fn one_that_starts_has_all_keys_when_it_is_alone() {
        let view = Arc::new(View::new(settings(), &found(&[("a", false)]), None));
        view.workers[0].change(Condition::Starting);
        view.workers[0].set_share(10);
        assert!(placed(&view).len() < 64, "few are back");
        let early = (0..64).filter_map(|key| {
            let want = Choice::Keyed(key).into();
            view.lease_early(want, &Tried::default()).ok()
        });
        assert_eq!(early.count(), 64);
        view.workers[0].change(Condition::Ejected);
        assert!(
            view.lease_early(Choice::Keyed(1).into(), &Tried::default())
                .is_err()
        );
    }

    #[test]
    fn one_that_is_started_again_elsewhere_drains_no_more() {
        let going = Arc::new(View::new(
            settings(),
            &found(&[("a", false), ("b", true)]),
            None,
        ));
        let again = Arc::new(View::new(settings(), &found(&[("b", false)]), Some(&going)));
        assert_eq!(again.workers[0].condition(), Condition::Serving);
        assert_ne!(again.workers[0], going.workers[1], "its address is another");
    }
}
