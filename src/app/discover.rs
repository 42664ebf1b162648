//! Brings what the sources find into the State.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::{sync::watch, task::JoinSet};

use crate::{discovery::Found, pool, route::State};

/// Follows the source of each pool; a source that never changes costs nothing.
pub(super) fn follow(
    pools: &[pool::Settings],
    state: &Arc<ArcSwap<State>>,
    tasks: &mut JoinSet<()>,
) {
    for (index, pool) in pools.iter().enumerate() {
        let found = pool.source.watch();
        if found.has_changed().is_ok() {
            tasks.spawn(follow_one(index, found, state.clone()));
        }
    }
}

async fn follow_one(index: usize, mut found: watch::Receiver<Found>, state: Arc<ArcSwap<State>>) {
    while found.changed().await.is_ok() {
        let latest = found.borrow_and_update().clone();
        state.rcu(|state| state.with_found(index, &latest));
    }
}
