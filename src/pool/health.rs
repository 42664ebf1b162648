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
    breaker::{Breaker, Health, Signs},
};
use crate::net::{Address, Stream};

/// How often signs are weighed.
const STEP: Duration = Duration::from_millis(100);

/// The watch over all workers of all pools.
pub struct Watch {
    settings: Arc<ArcSwap<Health>>,
    /// The thresholds of this step.
    health: Arc<Health>,
    records: HashMap<WorkerId, Record>,
    checks: JoinSet<(WorkerId, bool)>,
}

/// What is known of one worker.
#[derive(Debug)]
struct Record {
    breaker: Breaker,
    failed_checks: u32,
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
            checks: JoinSet::new(),
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
            .map(|worker| self.signs(worker, now))
            .collect();
        let sick = workers
            .iter()
            .zip(&signs)
            .filter(|(worker, signs)| self.is_sick(worker, signs))
            .count();
        let spared = sick * 2 > workers.len();
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
    fn signs(&mut self, worker: &Arc<Worker>, now: Instant) -> Signs {
        let interval = self.health.interval;
        let record = self.records.entry(worker.id).or_insert_with(|| Record {
            breaker: Breaker::Serving,
            failed_checks: 0,
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
            let (id, address, limit) = (worker.id, worker.address.clone(), self.health.timeout);
            self.checks
                .spawn(async move { (id, is_well(&address, limit).await) });
        }
        Signs {
            checks: record.failed_checks,
            requests: worker.strikes(),
            answered: worker.has_answered(),
        }
    }

    fn take_checks(&mut self) {
        while let Some(Ok((id, well))) = self.checks.try_join_next() {
            if let Some(record) = self.records.get_mut(&id) {
                (record.is_checked, record.well) = (false, Some(well));
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
    }
}

/// Spreads the checks of many workers over the interval, without chance.
fn jitter(worker: &Worker, interval: Duration) -> Duration {
    interval.mul_f64((worker.seed % 1000) as f64 / 1000.0)
}

/// True when `/health` answers 200 in time: it tells that the process turns, and no more (measured, 1.163.2).
async fn is_well(address: &Address, limit: Duration) -> bool {
    timeout(limit, ask(address))
        .await
        .is_ok_and(|status| status.is_ok_and(|status| status == 200))
}

async fn ask(address: &Address) -> std::io::Result<u16> {
    use std::future::poll_fn;
    const ASK: &[u8] = b"GET /health HTTP/1.1\r\nHost: thalamus\r\nConnection: close\r\n\r\n";
    let mut worker = Stream::connect(address).await?;
    let mut sent = 0;
    while sent < ASK.len() {
        sent += poll_fn(|cx| worker.poll_write(cx, &ASK[sent..])).await?;
    }
    let mut answer = [0; 12];
    let mut got = 0;
    while got < answer.len() {
        match poll_fn(|cx| worker.poll_read(cx, &mut answer[got..])).await? {
            0 => break,
            count => got += count,
        }
    }
    let status = answer
        .get(9..12)
        .and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
    Ok(status.unwrap_or(0))
}
