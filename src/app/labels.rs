//! Brings the pools that Services make by their labels beside those of the file, and says what is wrong with a label.

use std::{future::pending, sync::Arc};

use tokio::{sync::watch, task::JoinSet};

use super::Running;
use crate::{
    config::{Composer, LabelFault},
    discovery::kubernetes::{self, Labelled, Seen, ServiceName},
    pool,
    telemetry::{LabelFaults, Metrics},
};

/// The labels of the running configuration.
#[derive(Debug, Default)]
pub(super) struct Labels {
    watched: Option<(kubernetes::Labels, watch::Receiver<Seen>)>,
    composer: Composer,
    told: Vec<LabelFault>,
    events: JoinSet<()>,
}

/// All pools of this moment.
#[derive(Debug, Default)]
pub(super) struct Pools {
    pub all: Vec<pool::Settings>,
    /// True while some are still to come.
    pub is_partial: bool,
}

impl Labels {
    /// Looks for labels where a configuration wants it; what is watched already goes on.
    pub(super) fn watch(&mut self, wanted: Option<&kubernetes::Labels>) {
        let is_watched = self.watched.as_ref().map(|(labels, _)| labels) == wanted;
        if !is_watched {
            self.composer = Composer::default();
            self.watched = wanted.map(|labels| (labels.clone(), labels.watch()));
        }
    }

    /// Ends when the labels say something else; never where nobody looks.
    pub(super) async fn changed(&mut self) {
        if let Some((_, seen)) = &mut self.watched
            && seen.changed().await.is_ok()
        {
            return;
        }
        pending().await
    }

    /// The pools of the file with those of the labels; what is wrong with a label is told.
    pub(super) fn compose(&mut self, named: &[pool::Settings], metrics: &Metrics) -> Pools {
        let Some((labels, seen)) = &mut self.watched else {
            metrics.labels.show(Vec::new());
            return Pools {
                all: named.to_vec(),
                is_partial: false,
            };
        };
        let seen = seen.borrow_and_update().clone();
        let services = seen
            .iter()
            .flat_map(|place| place.services.iter().flat_map(|all| all.iter()));
        let mut services: Vec<&Labelled> = services.collect();
        services.sort_by(|one, other| {
            (one.created, &one.service).cmp(&(other.created, &other.service))
        });
        let composed = self.composer.compose(named, &services, &labels.cluster);
        let replicas = labels.replicas;
        let is_named = |pool: &pool::Settings| named.iter().any(|named| named.name == pool.name);
        let has_main = composed.pools.iter().any(|pool| &*pool.name == "main");
        let is_whole = seen.iter().all(|place| place.services.is_some());
        metrics
            .labels
            .show(shown(&composed.faults, &seen, is_whole && !has_main));
        self.tell(composed.faults);
        Pools {
            all: composed
                .pools
                .into_iter()
                .map(|pool| match is_named(&pool) {
                    true => pool,
                    false => pool.shared_by(replicas),
                })
                .collect(),
            is_partial: !is_whole || !has_main,
        }
    }

    /// Each new fault once: in the log, and as an Event on its Service.
    fn tell(&mut self, faults: Vec<LabelFault>) {
        while self.events.try_join_next().is_some() {}
        for fault in faults.iter().filter(|fault| !self.told.contains(fault)) {
            let (about, why) = (fault.about.clone(), fault.why.clone());
            tracing::warn!("the Service {}: {why}", about.service);
            if let Some((labels, _)) = &self.watched {
                let cluster = labels.cluster.clone();
                self.events.spawn(async move {
                    if let Err(error) = kubernetes::tell(&cluster, &about, &why).await {
                        tracing::warn!("{error}");
                    }
                });
            }
        }
        self.told = faults;
    }
}

/// For metrics and the status page: each Service with a fault, then each namespace that cannot be asked.
fn shown(faults: &[LabelFault], seen: &Seen, no_main: bool) -> LabelFaults {
    let of = |service: &ServiceName| (service.namespace.to_string(), service.name.to_string());
    let services = faults.iter().map(|fault| {
        let line = format!("the Service {}: {}", fault.about.service, fault.why);
        (of(&fault.about.service), line)
    });
    let lost = seen.iter().filter_map(|place| place.lost.as_deref());
    let none =
        "no Service has the label thalamus/pool: main, and the configuration has no pool `main`";
    let others = lost.chain(no_main.then_some(none));
    services
        .chain(others.map(|line| (Default::default(), line.to_owned())))
        .collect()
}

impl Running {
    /// Ends when Services say something else of their pools.
    pub async fn labels_changed(&mut self) {
        self.labels.changed().await;
    }

    /// Goes on with the pools that Services make now; running requests keep theirs.
    pub async fn relabel(&mut self) {
        let pools = self.labels.compose(&self.settings.pools, &self.metrics);
        let state = self.state.load();
        let before = state.pools.iter().map(|view| &*view.settings);
        if state.is_partial == pools.is_partial && before.eq(&pools.all) {
            return;
        }
        self.sources.pause().await;
        self.sources.watch(&pools.all);
        let next = |state: &Arc<_>| self.with_pools(state, &pools);
        self.state.rcu(next).stir();
        self.sources.follow(&pools.all, &self.state);
        let names: Vec<_> = pools.all.iter().map(|pool| &pool.name).collect();
        tracing::info!(pools = ?names, "Services make other pools by their labels");
    }

    fn with_pools(&self, state: &crate::route::State, pools: &Pools) -> crate::route::State {
        let found = |pool: &_| self.sources.found(pool);
        state
            .with_pools(&pools.all, found)
            .with_partial(pools.is_partial)
    }
}
