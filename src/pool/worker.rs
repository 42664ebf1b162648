//! One Synapse process at one address.

use std::{
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
};

use super::{
    Settings,
    admission::{Queue, Slots},
};
use crate::{
    ask::At,
    balance,
    discovery::Endpoint,
    net::{Address, Connector},
};

/// Names a worker's idle connections within this process; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WorkerId(u32);

impl WorkerId {
    /// A number of its own, never 0.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// A worker, its load and its counts. Shared by all threads; lives as long as a request holds it.
#[derive(Debug)]
pub struct Worker {
    /// Names its idle connections.
    pub id: WorkerId,
    /// The pool it serves in.
    pub pool: Box<str>,
    /// The stable identity that keys are placed by.
    pub name: Box<str>,
    /// Where it listens.
    pub address: Address,
    /// How TLS is spoken with it; none for plain HTTP.
    pub tls: Option<Arc<Connector>>,
    /// Its share of the pool's keys.
    pub weight: f64,
    pub(super) seed: u64,
    condition: AtomicU8,
    /// Gets no new requests, whatever its health.
    drains: AtomicBool,
    /// Its source says that it is about to go.
    goes: AtomicBool,
    /// The part of its keys that it gets while it starts, in thousandths.
    share: AtomicU32,
    /// Requests that it failed in a row.
    strikes: AtomicU32,
    /// It has answered since it was let in again.
    answered: AtomicBool,
    /// A request is out to see whether it is well again.
    probed: AtomicBool,
    /// The key of that request: it stays from then on, while others come back later.
    prober: AtomicU64,
    /// Requests it works on, and how many it may.
    pub(super) slots: Slots,
    /// Who waits for it, and for the others of its pool.
    pub(super) queue: Arc<Queue>,
    served: AtomicU64,
    failed: AtomicU64,
}

/// All of a worker's keys.
const WHOLE: u32 = 1000;

/// A refused connection is as many failures as any threshold counts; few enough never to wrap.
const GONE: u32 = 1 << 16;

/// Whether a worker gets new requests, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Condition {
    /// Gets requests.
    Serving,
    /// Gets none until its backoff ends.
    Ejected,
    /// Gets one, which decides.
    Probing,
    /// Gets no new ones; what runs there ends by itself.
    Draining,
    /// Gets fewer, growing.
    Starting,
}

impl Condition {
    /// Every condition.
    pub const ALL: [Self; 5] = [
        Self::Serving,
        Self::Ejected,
        Self::Probing,
        Self::Draining,
        Self::Starting,
    ];

    /// The name on the admin pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Ejected => "ejected",
            Self::Probing => "probing",
            Self::Draining => "draining",
            Self::Starting => "starting",
        }
    }

    /// True when new requests may go there.
    pub fn takes_new(self) -> bool {
        matches!(self, Self::Serving | Self::Starting)
    }
}

impl Worker {
    /// A worker of `pool` as its source found it.
    pub(super) fn new(pool: &Settings, found: &Endpoint, queue: Arc<Queue>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self {
            id: WorkerId(NEXT.fetch_add(1, Ordering::Relaxed)),
            pool: pool.name.clone(),
            name: found.name.clone(),
            address: found.address.clone(),
            tls: pool.tls.clone(),
            weight: found.weight,
            seed: balance::seed(&found.name),
            condition: AtomicU8::new(Condition::Serving as u8),
            drains: AtomicBool::new(false),
            goes: AtomicBool::new(false),
            share: AtomicU32::new(WHOLE),
            strikes: AtomicU32::new(0),
            answered: AtomicBool::new(false),
            probed: AtomicBool::new(false),
            prober: AtomicU64::new(0),
            slots: Slots::default(),
            queue,
            served: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// True when that is what its pool and source say of it still.
    pub(super) fn is(&self, pool: &Settings, found: &Endpoint) -> bool {
        self.address == found.address && self.weight == found.weight && self.tls == pool.tls
    }

    /// Whether it gets new requests.
    pub fn condition(&self) -> Condition {
        if self.drains() {
            return Condition::Draining;
        }
        Condition::ALL[usize::from(self.condition.load(Ordering::Relaxed)) % Condition::ALL.len()]
    }

    /// Says whether it gets new requests from now on; what was held against it before is forgotten.
    pub fn change(&self, condition: Condition) {
        self.condition.store(condition as u8, Ordering::Relaxed);
        self.strikes.store(0, Ordering::Relaxed);
        self.answered.store(false, Ordering::Relaxed);
        self.probed.store(false, Ordering::Relaxed);
        self.queue.stir();
    }

    /// Gives it no new requests from now on, or again.
    pub fn drain(&self, drains: bool) {
        if self.drains.swap(drains, Ordering::Relaxed) != drains {
            self.queue.stir();
        }
    }

    /// Its source says that it is about to go, or that it is not.
    pub(super) fn go(&self, goes: bool) {
        if self.goes.swap(goes, Ordering::Relaxed) != goes {
            self.queue.stir();
        }
    }

    /// It may be well again, as far as is known: who waits looks again.
    pub(super) fn recover(&self) {
        self.queue.stir();
    }

    /// True while somebody waits for a worker of its pool.
    pub(super) fn is_awaited(&self) -> bool {
        self.queue.is_awaited()
    }

    /// True once it was told to [`Self::drain`].
    pub(super) fn is_marked(&self) -> bool {
        self.drains.load(Ordering::Relaxed)
    }

    /// True while it gets no new requests, whatever its health.
    pub fn drains(&self) -> bool {
        self.is_marked() || self.goes.load(Ordering::Relaxed)
    }

    /// The part of its keys that it gets while it starts, in thousandths.
    pub(super) fn set_share(&self, share: u32) {
        self.share.store(share, Ordering::Relaxed);
    }

    /// Its load for the choice of the least busy one: more than it is while it starts.
    pub(super) fn load(&self) -> f64 {
        let share = self.share.load(Ordering::Relaxed).max(1);
        f64::from(self.in_flight()) * f64::from(WHOLE) / (f64::from(share) * self.weight)
    }

    /// Requests that it failed in a row.
    pub(super) fn strikes(&self) -> u32 {
        self.strikes.load(Ordering::Relaxed)
    }

    /// True when it has answered since its condition changed.
    pub(super) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// True when some request may go there now.
    pub(super) fn takes_any(&self) -> bool {
        match self.condition() {
            Condition::Serving | Condition::Starting => true,
            Condition::Probing => !self.probed.load(Ordering::Relaxed),
            Condition::Ejected | Condition::Draining => false,
        }
    }

    /// Takes a place for a request with that key, if there is one: while it is probed only the key that probes has
    /// one, and while it starts those keys that it has got back.
    pub(super) fn take_place(&self, key: u64) -> bool {
        let is_prober = || self.prober.load(Ordering::Relaxed) == key;
        match self.condition() {
            Condition::Serving => true,
            Condition::Starting => self.has_back(key) || is_prober(),
            Condition::Probing => self.takes_prober(key) || is_prober(),
            Condition::Ejected | Condition::Draining => false,
        }
    }

    /// Takes a place for a request without a key; while it is probed there is one only.
    pub(super) fn take_any(&self) -> bool {
        self.condition() != Condition::Probing || self.takes_prober(0)
    }

    fn takes_prober(&self, key: u64) -> bool {
        let is_first = !self.probed.swap(true, Ordering::Relaxed);
        if is_first {
            self.prober.store(key, Ordering::Relaxed);
        }
        is_first
    }

    /// True when the key is among those that it has got back by now.
    fn has_back(&self, key: u64) -> bool {
        let place = (key ^ self.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        (place * u64::from(WHOLE)) >> 32 < u64::from(self.share.load(Ordering::Relaxed))
    }

    /// Requests it works on at this moment; those that wait for their clients are not among them.
    pub fn in_flight(&self) -> u32 {
        self.slots.taken()
    }

    /// Requests that are there and have no slot, as they wait for their clients.
    pub fn paused(&self) -> u32 {
        self.slots.paused()
    }

    /// True when it has no requests of either kind.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight() == 0 && self.paused() == 0
    }

    /// Requests it answered since the start.
    pub fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    /// Requests it was given and did not answer whole, since the start; clients that left do not count.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Counts an answer that came whole.
    pub fn count_served(&self) {
        self.served.fetch_add(1, Ordering::Relaxed);
        if self.strikes() > 0 {
            self.strikes.store(0, Ordering::Relaxed);
            self.recover();
        }
        if !self.has_answered() {
            self.answered.store(true, Ordering::Relaxed);
        }
    }

    /// Counts a request that it did not answer whole; `gone` when nobody listens there any more.
    pub fn count_failed(&self, gone: bool) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let strikes = if gone { GONE } else { 1 };
        self.strikes.fetch_add(strikes, Ordering::Relaxed);
    }

    /// True when there is a slot.
    pub(super) fn has_room(&self, first_sync: bool) -> bool {
        self.condition() == Condition::Probing || self.slots.is_free(first_sync)
    }

    /// Takes a slot if there is one; who probes has one in any case.
    pub(super) fn enter(&self, first_sync: bool) -> bool {
        if self.condition() == Condition::Probing {
            self.slots.take_anyway(first_sync);
            return true;
        }
        self.slots.take(first_sync)
    }

    /// Takes a slot for a request that was here before, if there is one; it need not wait where no new ones come.
    pub(super) fn enter_again(&self, first_sync: bool) -> bool {
        if self.condition().takes_new() {
            return self.slots.take(first_sync);
        }
        self.slots.take_anyway(first_sync);
        true
    }

    /// Gives a slot back; true when somebody waits for it.
    pub(super) fn leave(&self, first_sync: bool) -> bool {
        let is_awaited = self.slots.give_back(first_sync);
        if self.condition() == Condition::Probing && !self.has_answered() {
            self.probed.store(false, Ordering::Relaxed);
            self.recover();
        }
        is_awaited
    }
}

impl<'a> From<&'a Worker> for At<'a> {
    fn from(worker: &'a Worker) -> Self {
        Self {
            address: &worker.address,
            tls: worker.tls.as_ref(),
        }
    }
}

impl PartialEq for Worker {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Worker {}

impl Hash for Worker {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}
