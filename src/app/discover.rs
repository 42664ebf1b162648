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
    watched: Vec<Watched>,
    tasks: JoinSet<()>,
}

/// A source, and the pool that it fills.
#[derive(Debug)]
struct Watched {
    pool: Box<str>,
    source: Source,
    found: watch::Receiver<Found>,
}

impl Sources {
    /// Watches the sources of `pools`; one that is watched already goes on. A pool whose source is another one keeps
    /// the workers that it has until that one answers.
    pub(super) fn watch(&mut self, pools: &[pool::Settings]) {
        let watched = pools.iter().map(|pool| {
            let known = self.receiver(&pool.source).cloned();
            Watched {
                pool: pool.name.clone(),
                source: pool.source.clone(),
                found: known.unwrap_or_else(|| pool.source.watch_from(self.first(pool))),
            }
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
        let same = watched.find(|one| one.source == *source);
        same.map(|one| &one.found)
    }

    /// What a pool begins with while its source has not said anything yet.
    fn first(&self, pool: &pool::Settings) -> Found {
        let known = pool.source.known();
        let before = self.watched.iter().find(|one| one.pool == pool.name);
        match before {
            Some(before) if known.endpoints.is_empty() => before.found.borrow().clone(),
            _ => known,
        }
    }
}

async fn follow_one(pool: Box<str>, mut found: watch::Receiver<Found>, state: Arc<ArcSwap<State>>) {
    let mut before = Found::default();
    while found.changed().await.is_ok() {
        let latest = found.borrow_and_update().clone();
        tell(&pool, &before, &latest);
        state.rcu(|state| state.with_found(&pool, &latest)).stir();
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
