//! Watches the workers: asks each for its health, counts what requests have met, ejects and lets in again.

use std::{sync::Arc, time::Duration};

use ahash::{HashMap, HashMapExt};
use arc_swap::ArcSwap;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::{
    Condition, View, Worker, WorkerId,
    breaker::{Breaker, Health, Signs, Sparing},
    check::{Check, Ill},
};

/// How often signs are weighed.
const STEP: Duration = Duration::from_millis(100);

/// The watch over all workers of all pools.
pub struct Watch {
    settings: Arc<ArcSwap<Health>>,
    /// The thresholds of this step.
    health: Arc<Health>,
    records: HashMap<WorkerId, Record>,
    /// By the name of the pool.
    sparing: HashMap<Box<str>, Sparing>,
    checks: JoinSet<(WorkerId, Result<(), Ill>)>,
    /// Checks that were not answered in time: whom they find well after all.
    late: JoinSet<Option<WorkerId>>,
}

/// What is known of one worker.
#[derive(Debug)]
struct Record {
    breaker: Breaker,
    failed_checks: u32,
    /// What the last check found wrong.
    ill: Option<String>,
    next_check: Instant,
    is_checked: bool,
    /// What the last check has shown, until it is weighed.
    well: Option<bool>,
}

impl Watch {
    /// A watch with these thresholds, which may change.
    pub fn new(settings: Arc<ArcSwap<Health>>) -> Self {
        Self {
            health: settings.load_full(),
            settings,
            records: HashMap::new(),
            sparing: HashMap::new(),
            checks: JoinSet::new(),
            late: JoinSet::new(),
        }
    }

    /// Watches the pools that `pools` gives at each step, for ever; tells `ejected` of each worker that goes out.
    pub async fn run(mut self, pools: impl Fn() -> Vec<Arc<View>>, ejected: impl Fn(WorkerId)) {
        let mut steps = interval(STEP);
        steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = steps.tick().await;
            self.health = self.settings.load_full();
            self.take_checks();
            let pools = pools();
            self.forget(&pools);
            for pool in &pools {
                self.step(pool, now, &ejected);
            }
        }
    }

    /// Weighs the signs of one pool's workers; those that drain are judged no more.
    fn step(&mut self, pool: &View, now: Instant, ejected: &impl Fn(WorkerId)) {
        let stays = |worker: &&Arc<Worker>| worker.condition() != Condition::Draining;
        let workers: Vec<_> = pool.workers.iter().filter(stays).collect();
        let signs: Vec<Signs> = workers
            .iter()
            .map(|worker| self.signs(worker, &pool.settings.check, now))
            .collect();
        let sick = workers
            .iter()
            .zip(&signs)
            .filter(|(worker, signs)| self.is_sick(worker, signs))
            .count();
        let sparing = self.sparing.entry(pool.settings.name.clone()).or_default();
        let spared = sparing.step(sick * 2 > workers.len(), &self.health, now);
        pool.set_spared(spared);
        for (worker, signs) in workers.into_iter().zip(signs) {
            let Some(record) = self.records.get_mut(&worker.id) else {
                continue;
            };
            let before = record.breaker.condition();
            record.breaker = record.breaker.step(signs, spared, &self.health, now);
            let after = record.breaker.condition();
            worker.set_share(record.breaker.share(&self.health, now));
            if before != after {
                tracing::info!(
                    pool = &*worker.pool,
                    worker = &*worker.name,
                    check = record.ill.as_deref(),
                    "{} -> {}",
                    before.name(),
                    after.name()
                );
                worker.change(after);
                if after == Condition::Ejected {
                    ejected(worker.id);
                }
            }
        }
    }

    fn is_sick(&self, worker: &Worker, signs: &Signs) -> bool {
        let is_out = self
            .records
            .get(&worker.id)
            .is_some_and(|record| record.breaker.is_out());
        is_out || self.health.is_sick(*signs)
    }

    /// What is to be weighed of one worker; starts its next check when it is time.
    fn signs(&mut self, worker: &Arc<Worker>, check: &Check, now: Instant) -> Signs {
        let interval = self.health.interval;
        let record = self.records.entry(worker.id).or_insert_with(|| Record {
            breaker: Breaker::Serving,
            failed_checks: 0,
            ill: None,
            next_check: now + jitter(worker, interval),
            is_checked: false,
            well: None,
        });
        let is_failing = record.failed_checks > 0 || worker.strikes() > 0;
        if let Some(well) = record.well.take() {
            record.failed_checks = if well {
                0
            } else {
                record.failed_checks.saturating_add(1)
            };
            if well && is_failing {
                worker.recover();
            }
        }
        // One check for all who wait: they hear of it when the worker is back.
        let is_due = now >= record.next_check || (is_failing && worker.is_awaited());
        if is_due && !record.is_checked {
            record.next_check = now + interval.mul_f64(0.9) + jitter(worker, interval.mul_f64(0.2));
            record.is_checked = true;
            let (worker, check, limit) = (worker.clone(), check.clone(), self.health.timeout);
            self.checks
                .spawn(async move { (worker.id, check.ask(worker, limit).await) });
        }
        Signs {
            checks: record.failed_checks,
            requests: worker.strikes(),
            answered: worker.has_answered(),
        }
    }

    fn take_checks(&mut self) {
        while let Some(Ok((id, found))) = self.checks.try_join_next() {
            let Some(record) = self.records.get_mut(&id) else {
                continue;
            };
            (record.is_checked, record.well) = (false, Some(found.is_ok()));
            record.ill = found.as_ref().err().map(Ill::to_string);
            if let Err(Ill::Silent(limit, asked)) = found {
                let answer = timeout(limit * self.health.checks, asked);
                self.late
                    .spawn(async move { matches!(answer.await, Ok(Ok(()))).then_some(id) });
            }
        }
        while let Some(Ok(found)) = self.late.try_join_next() {
            if let Some(record) = found.and_then(|id| self.records.get_mut(&id)) {
                record.failed_checks = 0;
            }
        }
    }

    fn forget(&mut self, pools: &[Arc<View>]) {
        let alive = |id: &WorkerId| {
            pools
                .iter()
                .any(|pool| pool.workers.iter().any(|worker| worker.id == *id))
        };
        if self.records.len() > pools.iter().map(|pool| pool.workers.len()).sum() {
            self.records.retain(|id, _| alive(id));
        }
        if self.sparing.len() > pools.len() {
            let is_there = |name: &str| pools.iter().any(|pool| &*pool.settings.name == name);
            self.sparing.retain(|name, _| is_there(name));
        }
    }
}

/// Spreads the checks of many workers over the interval, without chance.
fn jitter(worker: &Worker, interval: Duration) -> Duration {
    interval.mul_f64((worker.seed % 1000) as f64 / 1000.0)
}
