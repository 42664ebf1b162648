//! Builds all parts and holds them together.

mod bounds;
mod discover;
mod labels;
mod listeners;
mod release;
mod reload;
mod start;

pub use start::start;

use std::{net::SocketAddr, sync::Arc, thread::JoinHandle};

use arc_swap::ArcSwap;
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::{sleep, timeout},
};

use discover::Sources;
use labels::{Labels, Pools};
use listeners::Listeners;

use crate::{
    config::Settings,
    front::Threads,
    lifecycle::Stopper,
    net::Address,
    pool::Health,
    proxy::Door,
    route::{State, Synapse},
    telemetry::{LogWriter, Metrics},
};

/// A running proxy.
#[derive(Debug)]
pub struct Running {
    /// Where clients come in: the addresses that were really bound.
    pub listeners: Vec<Address>,
    /// Where the admin pages are.
    pub admin: Option<SocketAddr>,
    /// The snapshot of this moment.
    pub state: Arc<ArcSwap<State>>,
    /// Counts of all threads.
    pub metrics: Arc<Metrics>,
    /// What runs; what needs a restart is as it was at the start.
    settings: Settings,
    sources: Sources,
    labels: Labels,
    health: Arc<ArcSwap<Health>>,
    open: Listeners,
    doors: Arc<ArcSwap<Vec<Arc<Door>>>>,
    stopper: Stopper,
    tasks: JoinSet<()>,
    threads: Arc<Threads>,
    handles: Vec<JoinHandle<()>>,
    log: LogWriter,
}

/// The State of a configuration; workers that were there `before` are kept.
fn snapshot(
    settings: &Settings,
    pools: &Pools,
    sources: &Sources,
    before: Option<&State>,
) -> State {
    let found = |pool: &_| sources.found(pool);
    let state = State::build(&pools.all, settings.limits.clone(), found, before)
        .with_partial(pools.is_partial)
        .with_appservices(settings.appservices.clone())
        .with_policy(settings.policy.clone());
    match (settings.synapse_version, state.synapse) {
        (Some(release), _) => state.with_synapse(Synapse::Configured(release)),
        (None, Synapse::Configured(_)) => state.with_synapse(Synapse::UNKNOWN),
        (None, _) => state,
    }
}

impl Running {
    /// Is no longer ready, and serves on for `shutdown.delay`: load balancers take us out meanwhile, and clients hear
    /// with each answer that its connection ends.
    pub async fn leave(&self) {
        self.stopper.stop();
        self.threads.last_answers();
        sleep(self.settings.shutdown.delay).await;
    }

    /// Stops accepting, lets running requests end within `shutdown.grace`, and writes the log to its end.
    pub async fn stop(mut self) {
        self.stopper.stop();
        self.open.close().await;
        self.threads.hurry();
        let mut joined = spawn_blocking(move || {
            for thread in self.handles {
                // A panic of the thread was reported when it happened.
                let _ = thread.join();
            }
            self.log.finish();
        });
        if timeout(self.settings.shutdown.grace, &mut joined)
            .await
            .is_err()
        {
            self.threads.end();
            // It only joins threads: it cannot fail in another way than they did.
            let _ = joined.await;
        }
        self.tasks.shutdown().await;
    }
}
