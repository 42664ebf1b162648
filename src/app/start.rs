//! Starts all parts, those that can fail first.

use std::{sync::Arc, thread::JoinHandle};

use anyhow::Context;
use arc_swap::ArcSwap;
use tokio::{net::TcpListener, runtime::Handle, task::JoinSet};

use super::{
    Running, bounds::Bounds, discover::Sources, labels::Labels, listeners::Listeners, release,
    snapshot,
};
use crate::{
    admin,
    config::Settings,
    front::{Shared, Threads},
    identity::{Tokens, Whoami},
    lifecycle::Stopper,
    pool::{Drain, Health, Leaving, Tried, Watch},
    route::State,
    telemetry::{LogWriter, Metrics},
};

/// Starts everything; the data plane has threads of its own, the rest lives on the runtime of the caller.
///
/// # Errors
/// When an address cannot be bound, with the address and what the system says. Nothing runs then.
pub async fn start(settings: Settings) -> anyhow::Result<Running> {
    let metrics = Arc::new(Metrics::new()?);
    let mut open = Listeners::default();
    let bound = open.bind(&settings.listeners, &metrics)?;
    let admin_listener = bind_admin(&settings).await?;
    let (mut sources, mut labels) = (Sources::default(), Labels::default());
    labels.watch(settings.labels.as_ref());
    let pools = labels.compose(&settings.pools, &metrics);
    sources.watch(&pools.all);
    let tokens = Arc::new(Tokens::new(&settings.callers));
    let first = snapshot(&settings, &pools, &sources, None).with_tokens(tokens.clone());
    let state = Arc::new(ArcSwap::from_pointee(first));
    let shared = Shared {
        state: state.clone(),
        whoami: Arc::new(whoami(&settings, tokens, &state, &metrics)?),
        metrics: metrics.clone(),
    };
    let log = LogWriter::start(std::io::stdout()).context("start the access log")?;
    let (threads, handles) = start_threads(&settings, &shared, &log)?;
    let (stopper, stop) = Stopper::new();
    let mut tasks = JoinSet::new();
    let health = watch_health(&settings, &state, &threads, &mut tasks);
    let leaving = watch_drains(&state, &threads, &mut tasks);
    tasks.spawn(release::follow(state.clone(), release::EVERY));
    sources.follow(&pools.all, &state);
    open.open(bound, &threads, &metrics);
    let doors = Arc::new(ArcSwap::from_pointee(open.doors()));
    let mut admin = None;
    if let Some(listener) = admin_listener {
        admin = Some(listener.local_addr()?);
        let token = settings
            .admin
            .as_ref()
            .and_then(|admin| admin.token.clone());
        let (state, doors, metrics) = (state.clone(), doors.clone(), metrics.clone());
        let shared = admin::Shared::new(state, doors, leaving, metrics, token)?;
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

async fn bind_admin(settings: &Settings) -> anyhow::Result<Option<TcpListener>> {
    match &settings.admin {
        Some(admin) => Ok(Some(admin::bind(admin).await?)),
        None => Ok(None),
    }
}

/// Who asks about tokens: whatever worker the State of that moment has for it.
fn whoami(
    settings: &Settings,
    tokens: Arc<Tokens>,
    state: &Arc<ArcSwap<State>>,
    metrics: &Metrics,
) -> anyhow::Result<Whoami> {
    let asked = state.clone();
    let worker = move |tried: &Tried| asked.load().lease_for_whoami(tried);
    let whoami = Whoami::new(&settings.callers, tokens, Handle::current(), worker)?;
    metrics.register(whoami.collector())?;
    Ok(whoami)
}

fn start_threads(
    settings: &Settings,
    shared: &Shared,
    log: &LogWriter,
) -> anyhow::Result<(Arc<Threads>, Vec<JoinHandle<()>>)> {
    let (threads, handles) = Threads::start(settings.threads, shared, log, settings.access_log)
        .context("start the data-plane threads")?;
    let bounds = Bounds::new(settings);
    threads.set_bounds(bounds.connections, bounds.heads);
    Ok((Arc::new(threads), handles))
}

/// Asks every worker for its health; what it goes by may change later.
fn watch_health(
    settings: &Settings,
    state: &Arc<ArcSwap<State>>,
    threads: &Arc<Threads>,
    tasks: &mut JoinSet<()>,
) -> Arc<ArcSwap<Health>> {
    let health = Arc::new(ArcSwap::from_pointee(settings.health.clone()));
    let watch = Watch::new(health.clone());
    let (watched, told) = (state.clone(), threads.clone());
    tasks.spawn(async move {
        let pools = || watched.load().pools.to_vec();
        watch.run(pools, |worker| told.leave(worker)).await;
    });
    health
}

/// Cuts what runs too long at workers that drain.
fn watch_drains(
    state: &Arc<ArcSwap<State>>,
    threads: &Arc<Threads>,
    tasks: &mut JoinSet<()>,
) -> Arc<Leaving> {
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
    leaving
}
