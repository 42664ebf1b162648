//! The data-plane threads: each has a runtime, its connections and its idle workers of its own.

use std::{
    io,
    num::NonZeroUsize,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    sync::mpsc::{Sender, UnboundedReceiver, UnboundedSender, channel, unbounded_channel},
    task::{LocalSet, spawn_local},
    time::timeout,
};

use super::Arrival;
use crate::{
    lifecycle::{Deadlines, Stop},
    pool::{Connections, WorkerId},
    proxy::Core,
    route::State,
    telemetry::{AccessLog, LogWriter, Metrics},
};

/// What all threads share.
#[derive(Clone)]
pub struct Shared {
    /// The snapshot of this moment.
    pub state: Arc<ArcSwap<State>>,
    /// Counts of all threads.
    pub metrics: Arc<Metrics>,
    /// How long running requests may go on once the stop is asked for.
    pub grace: Duration,
}

/// What a thread is told.
#[derive(Debug)]
enum Order {
    /// To talk with a client.
    Serve(Arrival),
    /// To take its requests away from a worker.
    Leave(WorkerId),
    /// To end the connections that came in by that listener, as soon as each is idle.
    Close(u16),
}

/// The running threads.
#[derive(Debug)]
pub struct Threads {
    lanes: Box<[Lane]>,
}

#[derive(Debug)]
struct Lane {
    orders: UnboundedSender<Order>,
    connections: Arc<AtomicUsize>,
}

impl Threads {
    /// Starts `count` threads; each ends some time after `stop` is asked for.
    ///
    /// # Errors
    /// When the system gives no thread or no reactor.
    pub fn start(
        count: NonZeroUsize,
        shared: &Shared,
        log: &LogWriter,
        format: AccessLog,
        stop: &Stop,
    ) -> io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (mut lanes, mut handles) = (vec![], vec![]);
        for index in 0..count.get() {
            let (orders, waiting) = unbounded_channel();
            let connections = Arc::new(AtomicUsize::new(0));
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let (shared, logger, stop) = (shared.clone(), log.logger(format), stop.clone());
            let lane = Lane {
                orders,
                connections: connections.clone(),
            };
            let work = move || {
                let core = Core {
                    state: shared.state,
                    connections: Connections::default(),
                    deadlines: Deadlines::default(),
                    logger,
                    metrics: shared.metrics,
                };
                let tasks = LocalSet::new();
                tasks.block_on(
                    &runtime,
                    run(Rc::new(core), waiting, connections, stop, shared.grace),
                );
            };
            handles.push(
                std::thread::Builder::new()
                    .name(format!("core-{index}"))
                    .spawn(work)?,
            );
            lanes.push(lane);
        }
        Ok((
            Self {
                lanes: lanes.into(),
            },
            handles,
        ))
    }

    /// Gives a connection to the thread with the fewest: those of an ingress are few and live long.
    pub fn hand_over(&self, arrival: Arrival) {
        let least = self
            .lanes
            .iter()
            .min_by_key(|lane| lane.connections.load(Ordering::Relaxed));
        if let Some(lane) = least {
            lane.connections.fetch_add(1, Ordering::Relaxed);
            // A thread that is gone has been stopped, and so will the client be.
            let _ = lane.orders.send(Order::Serve(arrival));
        }
    }

    /// Has every thread move what it can from a worker to others.
    pub fn leave(&self, worker: WorkerId) {
        for lane in &self.lanes {
            // A thread that is gone has no requests.
            let _ = lane.orders.send(Order::Leave(worker));
        }
    }

    /// Has every thread end the connections of a listener that is gone, as soon as each is idle.
    pub fn close(&self, listener: u16) {
        for lane in &self.lanes {
            // A thread that is gone has no connections.
            let _ = lane.orders.send(Order::Close(listener));
        }
    }
}

/// One thread's work: talks with every client it is given, until the stop and the grace after it.
async fn run(
    core: Rc<Core>,
    mut orders: UnboundedReceiver<Order>,
    connections: Arc<AtomicUsize>,
    mut stop: Stop,
    grace: Duration,
) {
    let sweeper = core.clone();
    spawn_local(async move { sweeper.sweep().await });
    let (alive, mut all_gone) = channel::<()>(1);
    loop {
        let order = tokio::select! {
            () = stop.asked() => break,
            order = orders.recv() => order,
        };
        match order {
            Some(Order::Serve(arrival)) => {
                let open = Open::new(&core, &connections, &alive);
                if let Err(error) = arrival.start(&core, open) {
                    tracing::debug!(%error, "a connection was lost on arrival");
                }
            }
            Some(Order::Leave(worker)) => core.deadlines.cut(worker.number()),
            Some(Order::Close(listener)) => core.deadlines.close(listener),
            None => break,
        }
    }
    drop(alive);
    core.deadlines.hurry();
    if timeout(grace, all_gone.recv()).await.is_err() {
        tracing::warn!(
            connections = core.deadlines.len(),
            "cut after the grace period"
        );
    }
}

/// An open connection of a client; dropping it is the count, and the last one dropped ends the thread's work.
struct Open {
    metrics: Arc<Metrics>,
    connections: Arc<AtomicUsize>,
    _alive: Sender<()>,
}

impl Open {
    fn new(core: &Core, connections: &Arc<AtomicUsize>, alive: &Sender<()>) -> Self {
        core.metrics.accepted.inc();
        core.metrics.connections.inc();
        Self {
            metrics: core.metrics.clone(),
            connections: connections.clone(),
            _alive: alive.clone(),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.metrics.connections.dec();
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
