//! Builds all parts and holds them together.

mod bounds;
mod discover;
mod labels;
mod listeners;
mod release;
mod reload;

use std::{net::SocketAddr, sync::Arc, thread::JoinHandle};

use anyhow::Context;
use arc_swap::ArcSwap;
use tokio::{
    runtime::Handle,
    task::{JoinSet, spawn_blocking},
    time::{sleep, timeout},
};

use bounds::Bounds;
use discover::Sources;
use labels::{Labels, Pools};
use listeners::Listeners;

use crate::{
    admin,
    config::Settings,
    front::{Shared, Threads},
    identity::{Tokens, Whoami},
    lifecycle::Stopper,
    net::Address,
    pool::{Drain, Health, Leaving, Tried, Watch},
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

/// Starts everything; the data plane has threads of its own, the rest lives on the runtime of the caller.
///
/// # Errors
/// When an address cannot be bound, with the address and what the system says. Nothing runs then.
pub async fn start(settings: Settings) -> anyhow::Result<Running> {
    let metrics = Arc::new(Metrics::new()?);
    let mut open = Listeners::default();
    let bound = open.bind(&settings.listeners, &metrics)?;
    let admin_listener = match &settings.admin {
        Some(admin) => Some(admin::bind(admin).await?),
        None => None,
    };
    let mut sources = Sources::default();
    let mut labels = Labels::default();
    labels.watch(settings.labels.as_ref());
    let pools = labels.compose(&settings.pools, &metrics);
    sources.watch(&pools.all);
    let tokens = Arc::new(Tokens::new(&settings.callers));
    let first = snapshot(&settings, &pools, &sources, None).with_tokens(tokens.clone());
    let state = Arc::new(ArcSwap::from_pointee(first));
    let asked = state.clone();
    let worker = move |tried: &Tried| asked.load().lease_for_whoami(tried);
    let whoami = Whoami::new(&settings.callers, tokens, Handle::current(), worker)?;
    metrics.register(whoami.collector())?;
    let log = LogWriter::start(std::io::stdout()).context("start the access log")?;
    let (stopper, stop) = Stopper::new();
    let shared = Shared {
        state: state.clone(),
        whoami: Arc::new(whoami),
        metrics: metrics.clone(),
    };
    let (threads, handles) = Threads::start(settings.threads, &shared, &log, settings.access_log)
        .context("start the data-plane threads")?;
    let bounds = Bounds::new(&settings);
    threads.set_bounds(bounds.connections, bounds.heads);
    let threads = Arc::new(threads);
    let mut tasks = JoinSet::new();
    let health = Arc::new(ArcSwap::from_pointee(settings.health.clone()));
    let watch = Watch::new(health.clone());
    let (watched, told) = (state.clone(), threads.clone());
    tasks.spawn(async move {
        let pools = || watched.load().pools.to_vec();
        watch.run(pools, |worker| told.leave(worker)).await;
    });
    let leaving = Arc::<Leaving>::default();
    let drain = Drain::new(leaving.clone());
    let (watched, told) = (state.clone(), threads.clone());
    tasks.spawn(async move {
        let pools = || {
            let state = watched.load();
            (state.pools.to_vec(), state.limits.drain)
        };
        drain.run(pools, |worker| told.cut(worker)).await;
    });
    tasks.spawn(release::follow(state.clone(), release::EVERY));
    sources.follow(&pools.all, &state);
    open.open(bound, &threads, &metrics);
    let doors = Arc::new(ArcSwap::from_pointee(open.doors()));
    let admin = admin_listener
        .as_ref()
        .map(|listener| listener.local_addr())
        .transpose()?;
    if let Some(listener) = admin_listener {
        let token = settings
            .admin
            .as_ref()
            .and_then(|admin| admin.token.clone());
        let shared = admin::Shared::new(
            state.clone(),
            doors.clone(),
            leaving,
            metrics.clone(),
            token,
        )?;
        tasks.spawn(admin::serve(listener, shared, stop));
    }
    Ok(Running {
        listeners: open.addresses(),
        admin,
        state,
        metrics,
        settings,
        sources,
        labels,
        health,
        open,
        doors,
        stopper,
        tasks,
        threads,
        handles,
        log,
    })
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
