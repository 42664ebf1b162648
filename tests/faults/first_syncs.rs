//! First syncs: many at once beside the usual load, and clients that give up and come again.

use std::{
    collections::HashMap,
    net::SocketAddr,
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use thalamus::{
    discovery::{Endpoint, Source},
    matrix::Group,
    net::Address,
    pool,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{clients::Answer, house::House, stand_in::head};

const FIRST: &str = "/_matrix/client/v3/sync?timeout=0";

/// A worker that computes first syncs as Synapse's `ResponseCache` has it: once for each session, for all who ask
/// meanwhile and later, whether somebody still waits or not.
struct Computer {
    name: &'static str,
    address: SocketAddr,
    shared: Arc<Shared>,
    _running: JoinSet<()>,
}

struct Shared {
    name: &'static str,
    takes: Duration,
    sessions: Mutex<HashMap<String, watch::Receiver<bool>>>,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl Computer {
    async fn start(name: &'static str, takes: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            name,
            takes,
            sessions: Mutex::default(),
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let mut running = JoinSet::new();
        let served = shared.clone();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(talk(stream, served.clone()));
            }
        });
        Self {
            name,
            address,
            shared,
            _running: running,
        }
    }

    /// How many sessions it has computed a sync for, each once.
    fn computed(&self) -> usize {
        self.shared.sessions.lock().unwrap().len()
    }

    /// How many it computed at a time, at most.
    fn most(&self) -> usize {
        self.shared.most.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn session(self: &Arc<Self>, session: &str) -> watch::Receiver<bool> {
        let mut sessions = self.sessions.lock().unwrap();
        let known = sessions.get(session).cloned();
        known.unwrap_or_else(|| {
            let (done, result) = watch::channel(false);
            sessions.insert(session.to_owned(), result.clone());
            let shared = self.clone();
            tokio::spawn(async move {
                let running = shared.running.fetch_add(1, Ordering::Relaxed) + 1;
                shared.most.fetch_max(running, Ordering::Relaxed);
                sleep(shared.takes).await;
                shared.running.fetch_sub(1, Ordering::Relaxed);
                done.send_replace(true);
            });
            result
        })
    }
}

async fn talk(stream: TcpStream, shared: Arc<Shared>) {
    let mut stream = BufReader::new(stream);
    while let Some(head) = head(&mut stream).await {
        if head.starts_with("GET /_matrix/client/v3/sync") {
            let mut lines = head.lines();
            let session = lines.find(|line| line.to_lowercase().starts_with("authorization"));
            let mut result = shared.session(session.unwrap());
            tokio::select! {
                done = result.wait_for(|done| *done) => drop(done.unwrap()),
                _ = stream.fill_buf() => return,
            }
        }
        let name = shared.name;
        let answer =
            format!("HTTP/1.1 200 OK\r\nX-Worker: {name}\r\nContent-Length: 2\r\n\r\n{{}}");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The usual house with two workers for first syncs.
async fn house(takes: Duration, cap: u32) -> (House, [Computer; 2]) {
    let computers = [
        Computer::start("first1", takes).await,
        Computer::start("first2", takes).await,
    ];
    let endpoint = |worker: &Computer| Endpoint::new(worker.name, Address::Ip(worker.address));
    let source = Source::Static(computers.iter().map(endpoint).collect());
    let mut pool = pool::Settings::new("initial", [Group::InitialSync], source);
    pool.first_syncs = NonZeroU32::new(cap).unwrap();
    let mut house = House::new().await;
    house
        .reload_with(&[0, 1, 2], |settings| settings.pools.push(pool))
        .await;
    house.sync.iter().for_each(|worker| worker.release());
    (house, computers)
}

/// How long the answers took to so many users, who each ask a few times.
async fn incremental(house: &House, users: usize) -> Vec<Duration> {
    let mut load = JoinSet::new();
    for user in 0..users {
        let mut client = house.client().await;
        load.spawn(async move {
            let mut took = vec![];
            for _ in 0..10 {
                let start = Instant::now();
                assert_eq!(client.sync(user).await.status, 200);
                took.push(start.elapsed());
                sleep(Duration::from_millis(50)).await;
            }
            took
        });
    }
    let mut all = load.join_all().await.concat();
    all.sort_unstable();
    all
}

fn p99(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() * 99 / 100]
}

#[tokio::test]
async fn two_hundred_first_syncs_at_once_all_end_and_none_is_computed_twice() {
    const USERS: usize = 200;
    const CAP: u32 = 50;
    let (house, computers) = house(Duration::from_millis(500), CAP).await;
    let quiet = incremental(&house, 300).await;
    let mut first_syncs = JoinSet::new();
    for user in 0..USERS {
        let mut client = house.client().await;
        first_syncs.spawn(async move { client.ask("GET", FIRST, user).await });
    }
    let beside = incremental(&house, 300).await;
    let answers = first_syncs.join_all().await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    let computed: usize = computers.iter().map(Computer::computed).sum();
    let most = computers.each_ref().map(Computer::most);
    println!(
        "{USERS} first syncs at once: {good} answered 200, {computed} computed, at most {most:?} at a time; \
         p99 of 300 incremental users {:?} quiet, {:?} beside them",
        p99(&quiet),
        p99(&beside)
    );
    assert_eq!((good, computed), (USERS, USERS));
    assert!(most.iter().all(|most| *most <= CAP as usize));
}

#[tokio::test]
async fn clients_that_give_up_get_their_first_sync_computed_once() {
    const USERS: usize = 20;
    const CAP: u32 = 5;
    let (house, computers) = house(Duration::from_millis(1500), CAP).await;
    let mut clients = JoinSet::new();
    for user in 0..USERS {
        let listener = house.running.listeners[0].clone();
        clients.spawn(async move {
            let mut tries = 1;
            while !is_answered(&listener, user).await {
                tries += 1;
            }
            tries
        });
    }
    let tries: usize = clients.join_all().await.iter().sum();
    let computed: usize = computers.iter().map(Computer::computed).sum();
    let most = computers.each_ref().map(Computer::most);
    println!(
        "{USERS} impatient clients: {tries} tries, {computed} computed, at most {most:?} at a time"
    );
    assert_eq!(computed, USERS);
    assert!(tries > USERS, "nobody gave up");
    assert!(
        most.iter().all(|most| *most <= CAP as usize),
        "slots were given back too early"
    );
}

/// One try of a client that waits a moment only.
async fn is_answered(listener: &Address, user: usize) -> bool {
    let mut client = crate::clients::Client::at(listener).await;
    let answer = timeout(Duration::from_millis(200), client.ask("GET", FIRST, user)).await;
    matches!(answer, Ok(Answer { status: 200, .. }))
}
