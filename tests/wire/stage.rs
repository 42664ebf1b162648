//! A proxy between two ends that the test holds in its hands.

use std::{
    io::Write,
    net::SocketAddr,
    num::NonZeroUsize,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use socket2::{Domain, Socket, Type};
use thalamus::{
    app::{self, Running},
    config::Settings,
    discovery::{Endpoint, Source},
    front,
    matrix::{Group, Release},
    net::Address,
    pool, route, telemetry,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Nothing in these tests takes so long unless it hangs.
const HANGS: Duration = Duration::from_secs(10);

/// A running proxy, and the sockets its workers listen on.
pub struct Stage {
    pub proxy: SocketAddr,
    pub running: Running,
    workers: Vec<TcpListener>,
}

/// One end of a connection.
pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Stage {
    /// A proxy with one worker, the main process.
    pub async fn new() -> Self {
        Self::with(1, |_| ()).await
    }

    /// A proxy whose main pool has so many workers, and settings as `change` leaves them.
    pub async fn with(workers: usize, change: impl FnOnce(&mut Settings)) -> Self {
        let mut listeners = vec![];
        for _ in 0..workers {
            listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
        }
        Self::on(listeners, change).await
    }

    /// A proxy whose main pool listens on these sockets, and settings as `change` leaves them.
    pub async fn on(listeners: Vec<TcpListener>, change: impl FnOnce(&mut Settings)) -> Self {
        let endpoint = |(index, worker): (usize, &TcpListener)| {
            let address = Address::Ip(worker.local_addr().unwrap());
            Endpoint::new(format!("main{index}"), address)
        };
        let found = listeners.iter().enumerate().map(endpoint).collect();
        let mut settings = settings(vec![pool("main", &[], Source::Static(found))]);
        change(&mut settings);
        let running = app::start(settings).await.unwrap();
        let Address::Ip(proxy) = running.listeners[0] else {
            panic!("not TCP")
        };
        Self {
            proxy,
            running,
            workers: listeners,
        }
    }

    /// Connects a client.
    pub async fn client(&self) -> Wire {
        Wire::new(TcpStream::connect(self.proxy).await.unwrap())
    }

    /// Takes the next connection to the first worker.
    pub async fn worker(&self) -> Wire {
        self.worker_at(0).await
    }

    /// Takes the next connection to that worker.
    pub async fn worker_at(&self, index: usize) -> Wire {
        let accepted = timeout(HANGS, self.workers[index].accept())
            .await
            .expect("no connection to the worker");
        Wire::new(accepted.unwrap().0)
    }

    /// Takes the next connection to any of the workers.
    pub async fn any_worker(&self) -> (usize, Wire) {
        let accepts = self.workers.iter().map(|worker| Box::pin(worker.accept()));
        let (accepted, index, _) = timeout(HANGS, futures_util::future::select_all(accepts))
            .await
            .expect("no connection to a worker");
        (index, Wire::new(accepted.unwrap().0))
    }

    /// True when no worker gets another connection for a moment.
    pub async fn is_quiet(&self) -> bool {
        let accepts = self.workers.iter().map(|worker| Box::pin(worker.accept()));
        timeout(
            Duration::from_millis(100),
            futures_util::future::select_all(accepts),
        )
        .await
        .is_err()
    }

    /// Closes the listening socket of a worker.
    pub fn kill(&mut self, index: usize) {
        self.workers.remove(index);
    }
}

/// A worker's socket on which little fits, and how many bytes this system takes while the worker does not read.
pub fn narrow() -> (TcpListener, usize) {
    let listener = narrow_listener();
    let mut trial = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    trial
        .set_write_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let taken = std::iter::from_fn(|| trial.write(&[0; 1000]).ok()).sum();
    (TcpListener::from_std(narrow_listener()).unwrap(), taken)
}

/// On a loopback address that nobody has talked with: for the others, the kernel remembers how much it may send.
fn narrow_listener() -> std::net::TcpListener {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let address = [127, COUNT.fetch_add(1, Ordering::Relaxed), high, low];
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    socket.set_tcp_mss(536).unwrap();
    socket.set_nonblocking(true).unwrap();
    let any: SocketAddr = (address, 0).into();
    socket.bind(&any.into()).unwrap();
    socket.listen(16).unwrap();
    socket.into()
}

pub fn settings(pools: Vec<pool::Settings>) -> Settings {
    let listener = front::Settings::new("127.0.0.1:0".parse().unwrap());
    Settings {
        appservices: Default::default(),
        callers: Default::default(),
        threads: NonZeroUsize::MIN,
        listeners: vec![listener],
        admin: None,
        pools,
        cluster: Default::default(),
        labels: None,
        limits: route::Limits::default(),
        policy: route::Policy::default(),
        health: unwatched(),
        access_log: telemetry::AccessLog::None,
        shutdown: Default::default(),
        synapse_version: Some(Release::NEWEST),
    }
}

/// No checks: the test itself holds the worker's end of every connection.
fn unwatched() -> pool::Health {
    pool::Health {
        interval: Duration::from_secs(1_000_000),
        ..pool::Health::default()
    }
}

pub fn pool(name: &str, serves: &[Group], source: Source) -> pool::Settings {
    pool::Settings::new(name, serves, source)
}

/// Another pool with one worker, and its socket.
pub fn pool_of(settings: &mut Settings, name: &str, serves: &[Group]) -> TcpListener {
    let worker = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    worker.set_nonblocking(true).unwrap();
    let address = Address::Ip(worker.local_addr().unwrap());
    let endpoint = Endpoint::new(name, address);
    let source = Source::Static([endpoint].into());
    settings.pools.push(pool(name, serves, source));
    TcpListener::from_std(worker).unwrap()
}

/// Takes the next connection to that worker.
pub async fn accepted(worker: &TcpListener) -> Wire {
    let accepted = timeout(HANGS, worker.accept()).await;
    Wire::new(accepted.expect("no connection to the worker").unwrap().0)
}

impl Wire {
    pub fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            read: vec![],
        }
    }

    /// Writes all of `bytes`.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        timeout(HANGS, self.stream.write_all(bytes.as_ref()))
            .await
            .expect("nobody reads")
            .unwrap();
    }

    /// Writes all of `bytes`; false when the peer closes before it has taken them.
    pub async fn takes(&mut self, bytes: &[u8]) -> bool {
        let written = timeout(HANGS, self.stream.write_all(bytes)).await;
        written.expect("nobody reads, nobody closes").is_ok()
    }

    /// Reads a head, to its empty line.
    pub async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.read.drain(..end + 4).collect();
                return String::from_utf8(head).unwrap();
            }
            assert!(
                self.more().await > 0,
                "closed in the head: {:?}",
                String::from_utf8_lossy(&self.read)
            );
        }
    }

    /// Reads exactly those bytes.
    pub async fn expect(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        let read = self.exactly(bytes.len()).await;
        assert!(
            read == bytes,
            "read {:?}",
            String::from_utf8_lossy(&read[..read.len().min(500)])
        );
    }

    /// Reads exactly so many bytes.
    pub async fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            assert!(
                self.more().await > 0,
                "closed after {:?}",
                String::from_utf8_lossy(&self.read)
            );
        }
        self.read.drain(..count).collect()
    }

    /// Reads until the peer closes; a reset counts as closed.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.more().await > 0 {}
        std::mem::take(&mut self.read)
    }

    /// Waits for the peer to close without another byte.
    pub async fn closed(&mut self) {
        let rest = self.rest().await;
        assert!(
            rest.is_empty(),
            "more came: {:?}",
            String::from_utf8_lossy(&rest)
        );
    }

    /// True when nothing comes for a moment and the connection stays open.
    pub async fn is_quiet(&mut self) -> bool {
        self.read.is_empty()
            && timeout(
                Duration::from_millis(100),
                self.stream.read_buf(&mut self.read),
            )
            .await
            .is_err()
    }

    /// Closes with a reset, as a killed process does where data waits.
    pub fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    async fn more(&mut self) -> usize {
        let read = timeout(HANGS, self.stream.read_buf(&mut self.read)).await;
        read.expect("nothing comes").unwrap_or(0)
    }
}

/// The status in a response's head.
pub fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The value of a field of a head, if it stands there once.
pub fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let values: Vec<&str> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .collect();
    assert!(values.len() <= 1, "{name} stands several times: {head}");
    values.first().copied()
}
