//! What workers count, collected at each scrape from the snapshot of that moment.

use std::sync::Arc;

use arc_swap::ArcSwap;
use prometheus::{
    GaugeVec, IntCounterVec, IntGaugeVec, Opts,
    core::{self, Desc},
    proto::MetricFamily,
};

use crate::{
    pool::{Condition, View, Worker},
    route::State,
};

const LABELS: [&str; 2] = ["pool", "worker"];

/// Reads the workers of the current snapshot; one that is gone is gone from the next scrape too.
pub(super) struct Collector {
    state: Arc<ArcSwap<State>>,
    empty: Vectors,
}

/// Made afresh for each scrape, so that two at once do not mix.
struct Vectors {
    in_flight: IntGaugeVec,
    paused: IntGaugeVec,
    states: IntGaugeVec,
    served: IntCounterVec,
    failed: IntCounterVec,
    stale: GaugeVec,
    waiting: IntGaugeVec,
    refused: IntCounterVec,
}

impl Collector {
    pub(super) fn new(state: Arc<ArcSwap<State>>) -> prometheus::Result<Self> {
        let empty = Vectors::new()?;
        Ok(Self { state, empty })
    }
}

impl core::Collector for Collector {
    fn desc(&self) -> Vec<&Desc> {
        self.empty
            .all()
            .into_iter()
            .flat_map(|vector| vector.desc())
            .collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Ok(vectors) = Vectors::new() else {
            return Vec::new();
        };
        let state = self.state.load();
        state.pools.iter().for_each(|pool| vectors.add_pool(pool));
        state.workers().for_each(|worker| vectors.add(worker));
        vectors
            .all()
            .into_iter()
            .flat_map(|vector| vector.collect())
            .collect()
    }
}

impl Vectors {
    fn new() -> prometheus::Result<Self> {
        let counter = |name, help| IntCounterVec::new(Opts::new(name, help), &LABELS);
        Ok(Self {
            in_flight: IntGaugeVec::new(
                Opts::new(
                    "thalamus_worker_requests_in_flight",
                    "Requests that a worker works on now.",
                ),
                &LABELS,
            )?,
            paused: IntGaugeVec::new(
                Opts::new(
                    "thalamus_worker_requests_paused",
                    "Requests that a worker has and that wait for slow clients, without a slot.",
                ),
                &LABELS,
            )?,
            states: IntGaugeVec::new(
                Opts::new(
                    "thalamus_worker_state",
                    "1 for the state that a worker is in.",
                ),
                &["pool", "worker", "state"],
            )?,
            served: counter(
                "thalamus_worker_served_total",
                "Requests that a worker answered.",
            )?,
            failed: counter(
                "thalamus_worker_failed_total",
                "Requests that a worker did not answer whole.",
            )?,
            stale: GaugeVec::new(
                Opts::new(
                    "thalamus_pool_stale_seconds",
                    "For how long a pool's source could not be asked; 0 while it can be.",
                ),
                &["pool"],
            )?,
            waiting: IntGaugeVec::new(
                Opts::new(
                    "thalamus_pool_requests_waiting",
                    "Requests that wait for a worker of a pool, or for a slot at one.",
                ),
                &["pool"],
            )?,
            refused: IntCounterVec::new(
                Opts::new(
                    "thalamus_pool_queue_refused_total",
                    "Requests that were refused as too many waited.",
                ),
                &["pool"],
            )?,
        })
    }

    fn all(&self) -> [&dyn core::Collector; 8] {
        [
            &self.in_flight,
            &self.paused,
            &self.states,
            &self.served,
            &self.failed,
            &self.stale,
            &self.waiting,
            &self.refused,
        ]
    }

    fn add_pool(&self, pool: &View) {
        let age = pool.stale.as_ref().map(|stale| stale.since.elapsed());
        self.stale
            .with_label_values(&[&pool.settings.name])
            .set(age.unwrap_or_default().as_secs_f64());
        let labels = [&*pool.settings.name];
        self.waiting
            .with_label_values(&labels)
            .set(pool.waiting() as i64);
        self.refused
            .with_label_values(&labels)
            .inc_by(pool.refused());
    }

    fn add(&self, worker: &Worker) {
        let labels: [&str; 2] = [&worker.pool, &worker.name];
        self.in_flight
            .with_label_values(&labels)
            .set(worker.in_flight().into());
        self.paused
            .with_label_values(&labels)
            .set(worker.paused().into());
        self.served
            .with_label_values(&labels)
            .inc_by(worker.served());
        self.failed
            .with_label_values(&labels)
            .inc_by(worker.failed());
        for condition in Condition::ALL {
            let is_in = worker.condition() == condition;
            let labels = [&*worker.pool, &*worker.name, condition.name()];
            self.states.with_label_values(&labels).set(is_in.into());
        }
    }
}
