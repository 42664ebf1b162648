//! A worker that answers as Synapse would, as far as these tests look, and can die, freeze and come back.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::house::HANGS;

/// One stand-in worker.
pub struct StandIn {
    pub name: &'static str,
    pub address: SocketAddr,
    shared: Arc<Shared>,
    running: Option<JoinSet<()>>,
}

struct Shared {
    name: &'static str,
    /// Syncs that wait for their answer.
    parked: AtomicUsize,
    /// Requests that came, checks of health not counted.
    asked: AtomicUsize,
    /// Checks of health that came.
    checked: AtomicUsize,
    frozen: watch::Sender<bool>,
    /// Requests are dropped with their connection while it is true, checks of health are not.
    crashing: watch::Sender<bool>,
    /// How long checks of health wait, requests do not.
    late: watch::Sender<Duration>,
    /// Requests wait while it is true, checks of health do not.
    held: watch::Sender<bool>,
    /// Parked syncs are answered when it is true.
    released: watch::Sender<bool>,
}

impl StandIn {
    /// A worker on a free port.
    pub async fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shared = Arc::new(Shared {
            name,
            parked: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
            checked: AtomicUsize::new(0),
            frozen: watch::channel(false).0,
            held: watch::channel(false).0,
            crashing: watch::channel(false).0,
            late: watch::channel(Duration::ZERO).0,
            released: watch::channel(false).0,
        });
        let address = listener.local_addr().unwrap();
        let running = Some(serve(listener, shared.clone()));
        Self {
            name,
            address,
            shared,
            running,
        }
    }

    /// Drops its socket and every connection, as `kill -9` does.
    pub async fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.shutdown().await;
        }
        self.shared.parked.store(0, Ordering::Relaxed);
    }

    /// Starts again on the same port.
    pub fn come_back(&mut self) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        self.running = Some(serve(socket.listen(1024).unwrap(), self.shared.clone()));
    }

    /// Accepts and answers nothing, or goes on.
    pub fn freeze(&self, frozen: bool) {
        self.shared.frozen.send_replace(frozen);
    }

    /// Closes on every request but checks of health, as a worker does that crashes on them.
    pub fn crash(&self) {
        self.shared.crashing.send_replace(true);
    }

    /// Answers checks of health so late from now on.
    pub fn answer_checks_after(&self, late: Duration) {
        self.shared.late.send_replace(late);
    }

    /// Answers checks of health only, or goes on.
    pub fn hold(&self, held: bool) {
        self.shared.held.send_replace(held);
    }

    /// Answers every parked sync, and those that come.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// Waits until no sync waits here.
    pub async fn gone(&self) {
        let seen = async {
            while self.parked() > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(HANGS, seen).await.expect("some stay");
    }

    pub fn parked(&self) -> usize {
        self.shared.parked.load(Ordering::Relaxed)
    }

    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::Relaxed)
    }

    pub fn checked(&self) -> usize {
        self.shared.checked.load(Ordering::Relaxed)
    }
}

fn serve(listener: TcpListener, shared: Arc<Shared>) -> JoinSet<()> {
    let mut accepting = JoinSet::new();
    accepting.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            connections.spawn(talk(stream, shared.clone()));
        }
    });
    accepting
}

async fn talk(stream: TcpStream, shared: Arc<Shared>) {
    let mut stream = BufReader::new(stream);
    while let Some(head) = head(&mut stream).await {
        wait(&shared.frozen, false).await;
        if !head.starts_with("GET /health") {
            shared.asked.fetch_add(1, Ordering::Relaxed);
            if *shared.crashing.borrow() {
                return;
            }
            wait(&shared.held, false).await;
        } else {
            shared.checked.fetch_add(1, Ordering::Relaxed);
            let late = *shared.late.borrow();
            sleep(late).await;
        }
        if head.contains("/createRoom") {
            // Takes for ever, as a POST in flight at the wrong moment.
            std::future::pending::<()>().await;
        }
        if head.contains("/sync?since=") {
            shared.parked.fetch_add(1, Ordering::Relaxed);
            tokio::select! {
                () = wait(&shared.released, true) => {}
                _ = stream.fill_buf() => {}
            }
            let _ = shared
                .parked
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
            wait(&shared.frozen, false).await;
        }
        let name = shared.name;
        let answer =
            format!("HTTP/1.1 200 OK\r\nX-Worker: {name}\r\nContent-Length: 2\r\n\r\n{{}}");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

pub async fn head(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

async fn wait(flag: &watch::Sender<bool>, wanted: bool) {
    flag.subscribe()
        .wait_for(|now| *now == wanted)
        .await
        .unwrap();
}
