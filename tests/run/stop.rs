//! Our own stop: nobody who asks in time fails.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinSet, spawn_blocking},
    time::sleep,
};

use crate::{
    served::Served,
    worker::{Client, Worker},
};

const POLL: &str = "/_matrix/client/v3/sync?since=s1&timeout=30000";
const QUICK: &str = "/_matrix/client/versions";

/// In front of `worker`; load balancers have so long to notice.
fn configuration(worker: &Worker, delay: &str) -> String {
    let address = worker.address;
    format!(
        "access_log: none\nshutdown: {{delay: {delay}}}\npools: {{main: {{workers: [\"{address}\"]}}}}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_with_300_parked_fails_nobody() {
    const PARKED: usize = 300;
    let worker = Worker::start().await;
    let mut served = Served::start(&configuration(&worker, "2s"));
    let mut idle = Client::connect(&served.front).await.unwrap();
    assert!(!idle.get(QUICK).await.unwrap().is_last);
    let mut parked = JoinSet::new();
    for _ in 0..PARKED {
        let mut client = Client::connect(&served.front).await.unwrap();
        parked.spawn(async move { client.get(POLL).await });
    }
    worker.parked(PARKED).await;

    served.signal("-TERM");
    served.until("/ready", "stopping");
    let mut late = Client::connect(&served.front).await.unwrap();
    let answer = late.get(QUICK).await.unwrap();
    assert_eq!((answer.status, answer.is_last), (200, true), "in the delay");
    idle.closed().await;
    assert!(
        Client::connect(&served.front).await.is_err(),
        "idle connections end with the delay, and so does accepting"
    );
    worker.parked(PARKED).await;
    worker.release();
    let answers = parked.join_all().await;
    let good = |answer: &&std::io::Result<crate::worker::Answer>| {
        answer
            .as_ref()
            .is_ok_and(|answer| answer.status == 200 && answer.is_last)
    };
    let good = answers.iter().filter(good).count();
    println!("stopped with {PARKED} parked: {good} answered 200, each with Connection: close");
    assert_eq!(good, PARKED);
    assert_eq!(served.ended().code(), Some(0), "{}", served.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_came_before_the_close_is_answered() {
    let worker = Worker::start().await;
    let mut served = Served::start(&configuration(&worker, "0s"));
    let mut clients = vec![];
    for _ in 0..50 {
        let mut client = Client::connect(&served.front).await.unwrap();
        client.get(QUICK).await.unwrap();
        clients.push(client);
    }
    served.signal("-STOP");
    let asked: JoinSet<_> = clients
        .into_iter()
        .map(|mut client| async move { client.get(QUICK).await.map(|answer| answer.status).ok() })
        .collect();
    let asked = tokio::spawn(asked.join_all());
    sleep(Duration::from_millis(100)).await;
    served.signal("-TERM");
    served.signal("-CONT");
    assert_eq!(asked.await.unwrap(), [Some(200); 50]);
    assert_eq!(served.ended().code(), Some(0), "{}", served.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_restarted_in_turn_fail_nobody() {
    let worker = Worker::start().await;
    let yaml = configuration(&worker, "3s");
    let mut replicas = vec![Served::start(&yaml), Served::start(&yaml)];
    let balancer = Balancer::start(&replicas).await;
    let (done, asked, failed) = <(Arc<AtomicBool>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let mut load = JoinSet::new();
    for _ in 0..10 {
        let (done, asked, failed) = (done.clone(), asked.clone(), failed.clone());
        let address = balancer.address.clone();
        load.spawn(async move {
            let mut kept = None;
            while !done.load(Ordering::Relaxed) {
                let answered = ask(&address, &mut kept).await;
                asked.fetch_add(1, Ordering::Relaxed);
                failed.fetch_add((!answered).into(), Ordering::Relaxed);
                sleep(Duration::from_millis(5)).await;
            }
        });
    }
    for index in 0..2 {
        let before = asked.load(Ordering::Relaxed);
        replicas[index].signal("-TERM");
        let mut old = replicas.remove(index);
        let status = spawn_blocking(move || old.ended()).await.unwrap();
        assert_eq!(status.code(), Some(0));
        assert!(asked.load(Ordering::Relaxed) > before, "nobody asked");
        replicas.insert(index, Served::start(&yaml));
        balancer.replace(index, &replicas[index]);
        balancer.until_ready(index).await;
    }
    done.store(true, Ordering::Relaxed);
    load.join_all().await;
    let counts = (
        asked.load(Ordering::Relaxed),
        failed.load(Ordering::Relaxed),
    );
    println!(
        "two replicas restarted in turn: {} of {} requests failed",
        counts.1, counts.0
    );
    assert_eq!(counts.1, 0);
}

/// One request on the connection that is kept, or a fresh one.
async fn ask(address: &str, kept: &mut Option<Client>) -> bool {
    let client = match kept.take() {
        Some(client) => Ok(client),
        None => Client::connect(address).await,
    };
    let Ok(mut client) = client else { return false };
    match client.get(QUICK).await {
        Ok(answer) if answer.status == 200 => {
            *kept = (!answer.is_last).then_some(client);
            true
        }
        _ => false,
    }
}

/// One address for two replicas, as a Service is: new connections go to those that are ready.
struct Balancer {
    address: String,
    replicas: Arc<[Mutex<Replica>; 2]>,
}

#[derive(Default)]
struct Replica {
    front: String,
    admin: String,
    ready: bool,
}

impl Replica {
    /// It was asked at that address, where it may be no longer.
    fn note(&mut self, admin: &str, ready: bool) {
        self.ready = if self.admin == admin {
            ready
        } else {
            self.ready
        };
    }
}

impl Balancer {
    async fn start(served: &[Served]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let balancer = Self {
            address: listener.local_addr().unwrap().to_string(),
            replicas: Arc::default(),
        };
        let replicas = balancer.replicas.clone();
        tokio::spawn(async move {
            for turn in 0.. {
                let (mut client, _) = listener.accept().await.unwrap();
                let target = pick(&replicas, turn);
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(target).await.unwrap();
                    // Either end may close at any time.
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        for (index, served) in served.iter().enumerate() {
            balancer.replace(index, served);
            tokio::spawn(watch(balancer.replicas.clone(), index));
        }
        balancer.until_ready(0).await;
        balancer.until_ready(1).await;
        balancer
    }

    fn replace(&self, index: usize, served: &Served) {
        *self.replicas[index].lock().unwrap() = Replica {
            front: served.front.clone(),
            admin: served.admin.clone(),
            ready: false,
        };
    }

    async fn until_ready(&self, index: usize) {
        while !self.replicas[index].lock().unwrap().ready {
            sleep(Duration::from_millis(5)).await;
        }
    }
}

fn pick(replicas: &[Mutex<Replica>; 2], turn: usize) -> String {
    let order = [turn % 2, (turn + 1) % 2];
    let ready = order.map(|index| replicas[index].lock().unwrap());
    let picked = ready.iter().find(|replica| replica.ready);
    picked.expect("one is always ready").front.clone()
}

/// Asks a replica again and again whether it is ready.
async fn watch(replicas: Arc<[Mutex<Replica>; 2]>, index: usize) {
    loop {
        let admin = replicas[index].lock().unwrap().admin.clone();
        let ready = match Client::connect(&admin).await {
            Ok(mut client) => client.get("/ready").await.is_ok_and(|a| a.status == 200),
            Err(_) => false,
        };
        replicas[index].lock().unwrap().note(&admin, ready);
        sleep(Duration::from_millis(20)).await;
    }
}
