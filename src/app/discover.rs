//! Brings what the sources find into the State.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    discovery::{Found, Source},
    pool,
    route::State,
};

/// The sources of all pools.
#[derive(Debug, Default)]
pub(super) struct Sources {
    watched: Vec<(Source, watch::Receiver<Found>)>,
    tasks: JoinSet<()>,
}

impl Sources {
    /// Watches the sources of `pools`; one that is watched already goes on.
    pub(super) fn watch(&mut self, pools: &[pool::Settings]) {
        let watched = pools.iter().map(|pool| {
            let known = self.receiver(&pool.source).cloned();
            let found = known.unwrap_or_else(|| pool.source.watch());
            (pool.source.clone(), found)
        });
        self.watched = watched.collect();
    }

    /// What the source of a pool has found by now; nothing unless it is watched.
    pub(super) fn found(&self, pool: &pool::Settings) -> Found {
        self.receiver(&pool.source)
            .map_or_else(Default::default, |found| found.borrow().clone())
    }

    /// Follows the source of each pool into the State; a source that never changes costs nothing.
    pub(super) fn follow(&mut self, pools: &[pool::Settings], state: &Arc<ArcSwap<State>>) {
        for pool in pools {
            let found = self.receiver(&pool.source).cloned();
            if let Some(found) = found.filter(|found| found.has_changed().is_ok()) {
                self.tasks
                    .spawn(follow_one(pool.name.clone(), found, state.clone()));
            }
        }
    }

    /// Brings nothing more into the State until [`Self::follow`].
    pub(super) async fn pause(&mut self) {
        self.tasks.shutdown().await;
    }

    fn receiver(&self, source: &Source) -> Option<&watch::Receiver<Found>> {
        let mut watched = self.watched.iter();
        watched
            .find(|(known, _)| known == source)
            .map(|(_, found)| found)
    }
}

async fn follow_one(pool: Box<str>, mut found: watch::Receiver<Found>, state: Arc<ArcSwap<State>>) {
    let mut before = Found::default();
    while found.changed().await.is_ok() {
        let latest = found.borrow_and_update().clone();
        tell(&pool, &before, &latest);
        state.rcu(|state| state.with_found(&pool, &latest));
        before = latest;
    }
}

/// A line for the log.
fn tell(pool: &str, before: &Found, latest: &Found) {
    let workers = latest.endpoints.len();
    match (&before.stale, &latest.stale) {
        (_, Some(stale)) => tracing::warn!(pool, workers, "the last set stays: {}", stale.why),
        (Some(_), None) => tracing::info!(pool, workers, "the source answers"),
        (None, None) => tracing::info!(pool, workers, "the source has another set"),
    }
}
