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
};

use arc_swap::ArcSwap;
use tokio::{
    sync::mpsc::{Sender, UnboundedReceiver, UnboundedSender, channel, unbounded_channel},
    task::{LocalSet, spawn_local},
};

use super::{
    Arrival, Bounds,
    places::{Place, Places, Told},
};
use crate::{
    identity::Whoami,
    lifecycle::{Cut, Deadlines},
    pool::{Connections, WorkerId},
    proxy::{Core, Heads, Ids, Turns},
    route::State,
    telemetry::{AccessLog, LogWriter, Metrics},
};

/// What all threads share.
#[derive(Clone)]
pub struct Shared {
    /// The snapshot of this moment.
    pub state: Arc<ArcSwap<State>>,
    /// Asks whose tokens are.
    pub whoami: Arc<Whoami>,
    /// Counts of all threads.
    pub metrics: Arc<Metrics>,
}

/// What a thread is told.
#[derive(Debug)]
enum Order {
    /// To talk with a client.
    Serve(Arrival, Place),
    /// To tell a client that there is no room.
    TurnAway(Arrival, Told),
    /// To take its requests away from a worker.
    Leave(WorkerId),
    /// To end what runs at a worker, where it cannot be taken away.
    Cut(WorkerId),
    /// To end the connections that came in by that listener, as soon as each is idle.
    Close(u16),
    /// To end each connection with its next answer.
    LastAnswers,
    /// To end idle connections, and itself when none is left.
    Hurry,
    /// To end itself.
    End,
}

/// Threads that read files and look up host names for one data-plane thread, while there are any.
const READERS: usize = 64;

/// The running threads.
#[derive(Debug)]
pub struct Threads {
    lanes: Box<[Lane]>,
    places: Arc<Places>,
    heads: Arc<Heads>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Lane {
    orders: UnboundedSender<Order>,
    connections: Arc<AtomicUsize>,
}

impl Threads {
    /// Starts `count` threads; each ends after [`Self::hurry`], [`Self::end`], or when these are dropped.
    ///
    /// # Errors
    /// When the system gives no thread or no reactor.
    pub fn start(
        count: NonZeroUsize,
        shared: &Shared,
        log: &LogWriter,
        format: AccessLog,
    ) -> io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (mut lanes, mut handles) = (vec![], vec![]);
        let heads = Arc::<Heads>::default();
        for index in 0..count.get() {
            let (orders, waiting) = unbounded_channel();
            let connections = Arc::new(AtomicUsize::new(0));
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .max_blocking_threads(READERS)
                .build()?;
            let (shared, logger) = (shared.clone(), log.logger(format));
            let begun = heads.clone();
            let lane = Lane {
                orders,
                connections: connections.clone(),
            };
            let work = move || {
                let core = Core {
                    state: shared.state,
                    connections: Connections::default(),
                    deadlines: Deadlines::default(),
                    turns: Turns::default(),
                    heads: begun,
                    ids: Ids::default(),
                    logger,
                    whoami: shared.whoami,
                    metrics: shared.metrics,
                };
                let tasks = LocalSet::new();
                tasks.block_on(&runtime, run(Rc::new(core), waiting, connections));
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
                places: Arc::new(Places::new()),
                heads,
                metrics: shared.metrics.clone(),
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
        let Some(lane) = least else { return };
        let entrance = &arrival.entrance;
        let place = self
            .places
            .take(&entrance.connections, entrance.bound, arrival.client());
        let order = match place {
            Some(place) => Order::Serve(arrival, place),
            None => {
                self.metrics.turned_away.inc();
                // Those that are told so are connections too: beyond some, nothing is said.
                let Some(told) = self.places.tell() else {
                    return;
                };
                Order::TurnAway(arrival, told)
            }
        };
        lane.connections.fetch_add(1, Ordering::Relaxed);
        // A thread that is gone has been stopped, and so will the client be.
        let _ = lane.orders.send(order);
    }

    /// Lets in so many connections at a time from now on, with so many heads in pieces.
    pub fn set_bounds(&self, connections: Bounds, heads: usize) {
        self.places.set(connections);
        self.heads.set_bound(heads);
    }

    /// Has every thread move what it can from a worker to others.
    pub fn leave(&self, worker: WorkerId) {
        self.tell(|| Order::Leave(worker));
    }

    /// Has every thread end what runs at a worker: moved where that does no harm.
    pub fn cut(&self, worker: WorkerId) {
        self.tell(|| Order::Cut(worker));
    }

    /// Has every thread end the connections of a listener that is gone, as soon as each is idle.
    pub fn close(&self, listener: u16) {
        self.tell(|| Order::Close(listener));
    }

    /// Has every thread end each connection with its next answer.
    pub fn last_answers(&self) {
        self.tell(|| Order::LastAnswers);
    }

    /// Has every thread end idle connections, and itself when none is left.
    pub fn hurry(&self) {
        self.tell(|| Order::Hurry);
    }

    /// Has every thread end itself.
    pub fn end(&self) {
        self.tell(|| Order::End);
    }

    fn tell(&self, order: impl Fn() -> Order) {
        for lane in &self.lanes {
            // A thread that is gone has nothing to do.
            let _ = lane.orders.send(order());
        }
    }
}

/// One thread's work: talks with every client it is given, until it is told to end.
async fn run(core: Rc<Core>, mut orders: UnboundedReceiver<Order>, connections: Arc<AtomicUsize>) {
    let sweeper = core.clone();
    spawn_local(async move { sweeper.sweep().await });
    let caller = core.clone();
    spawn_local(async move { caller.turns.call().await });
    let (alive, mut all_gone) = channel::<()>(1);
    let mut alive = Some(alive);
    loop {
        let order = tokio::select! {
            _ = all_gone.recv(), if alive.is_none() => return,
            order = orders.recv() => order,
        };
        match (order, &alive) {
            (Some(Order::Serve(arrival, place)), Some(alive)) => {
                let open = Open::new(&core, &connections, alive);
                if let Err(error) = arrival.start(&core, open, place) {
                    tracing::debug!(%error, "a connection was lost on arrival");
                }
            }
            (Some(Order::TurnAway(arrival, told)), Some(alive)) => {
                let open = Open::new(&core, &connections, alive);
                if let Err(error) = arrival.turn_away(&core, (open, told)) {
                    tracing::debug!(%error, "a connection was lost on arrival");
                }
            }
            (Some(Order::Serve(..) | Order::TurnAway(..)), None) => {}
            (Some(Order::Leave(worker)), _) => core.deadlines.cut(worker.number(), Cut::Move),
            (Some(Order::Cut(worker)), _) => core.deadlines.cut(worker.number(), Cut::End),
            (Some(Order::Close(listener)), _) => core.deadlines.close(listener),
            (Some(Order::LastAnswers), _) => core.deadlines.last_answers(),
            (Some(Order::Hurry), _) => {
                alive = None;
                core.deadlines.hurry();
            }
            (Some(Order::End) | None, _) => {
                let connections = core.deadlines.len();
                tracing::warn!(connections, "cut after the grace period");
                return;
            }
        }
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
