//! Builds all parts and holds them together.

mod discover;

use std::{net::SocketAddr, sync::Arc, thread::JoinHandle};

use anyhow::Context;
use arc_swap::ArcSwap;
use tokio::task::JoinSet;

use crate::{
    admin,
    config::Settings,
    front::{self, Listener, Shared, Threads},
    lifecycle::Stopper,
    net::Address,
    pool::Watch,
    route::State,
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
    stopper: Stopper,
    tasks: JoinSet<()>,
    threads: Vec<JoinHandle<()>>,
    log: LogWriter,
}

/// Starts everything; the data plane has threads of its own, the rest lives on the runtime of the caller.
///
/// # Errors
/// When an address cannot be bound, with the address and what the system says. Nothing runs then.
pub async fn start(settings: Settings) -> anyhow::Result<Running> {
    let listeners = settings
        .listeners
        .iter()
        .map(Listener::bind)
        .collect::<anyhow::Result<Vec<_>>>()?;
    let admin_listener = match &settings.admin {
        Some(admin) => Some(admin::bind(admin).await?),
        None => None,
    };
    let metrics = Arc::new(Metrics::new()?);
    let first = State::new(&settings.pools, settings.limits);
    let state = Arc::new(ArcSwap::from_pointee(
        first.with_appservices(settings.appservices),
    ));
    let log = LogWriter::start(std::io::stdout()).context("start the access log")?;
    let (stopper, stop) = Stopper::new();
    let shared = Shared {
        state: state.clone(),
        metrics: metrics.clone(),
        grace: settings.shutdown.grace,
    };
    let (threads, handles) =
        Threads::start(settings.threads, &shared, &log, settings.access_log, &stop)
            .context("start the data-plane threads")?;
    let threads = Arc::new(threads);
    let mut tasks = JoinSet::new();
    let watch = Watch::new(settings.health.clone());
    let (watched, told) = (state.clone(), threads.clone());
    tasks.spawn(async move {
        let pools = || watched.load().pools.to_vec();
        watch.run(pools, |worker| told.leave(worker)).await;
    });
    discover::follow(&settings.pools, &state, &mut tasks);
    let addresses = listeners
        .iter()
        .map(|listener| listener.address.clone())
        .collect();
    let doors = listeners.iter().map(Listener::door).collect();
    for listener in listeners {
        tasks.spawn(front::accept(listener, threads.clone(), stop.clone()));
    }
    let admin = admin_listener
        .as_ref()
        .map(|listener| listener.local_addr())
        .transpose()?;
    if let Some(listener) = admin_listener {
        let shared = admin::Shared::new(state.clone(), doors, metrics.clone())?;
        tasks.spawn(admin::serve(listener, shared, stop));
    }
    Ok(Running {
        listeners: addresses,
        admin,
        state,
        metrics,
        stopper,
        tasks,
        threads: handles,
        log,
    })
}

impl Running {
    /// Stops accepting, lets running requests end within the grace period, and writes the log to its end.
    pub async fn stop(mut self) {
        self.stopper.stop();
        let threads = std::mem::take(&mut self.threads);
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                // A panic of the thread was reported when it happened.
                let _ = thread.join();
            }
            self.log.finish();
        });
        // It only joins threads: it cannot fail in another way than they did.
        let _ = joined.await;
        self.tasks.shutdown().await;
    }
}
