//! Stand-in workers: one thread that answers for a whole Synapse with bytes made beforehand.

mod answers;
mod conn;
mod large;
mod serve;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use mio::net::TcpListener;

pub use answers::SYNC_BODY;
pub use large::BODY as LARGE_SYNC_BODY;

use crate::limits;
use crate::wait;

/// The workers by name; each has a port of its own.
pub const WORKERS: [&str; 7] = [
    "sync1", "sync2", "sync3", "initial1", "initial2", "main", "media",
];

/// The running stand-ins.
#[derive(Debug)]
pub struct Standin {
    addresses: [SocketAddr; WORKERS.len()],
    shared: Arc<Shared>,
    waker: mio::Waker,
}

/// What the serving thread and the comparison both see.
#[derive(Debug, Default)]
struct Shared {
    chunked: AtomicBool,
    releasing: AtomicBool,
    parked: AtomicUsize,
    served: [AtomicU64; WORKERS.len()],
}

impl Standin {
    /// Starts all workers on free loopback ports.
    pub fn start() -> Result<Standin> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut listeners = Vec::new();
        let mut addresses = [any; WORKERS.len()];
        for address in &mut addresses {
            let listener = TcpListener::bind(any).context("listen for a stand-in worker")?;
            *address = listener.local_addr()?;
            listeners.push(listener);
        }
        let shared = Arc::new(Shared::default());
        let (serve, waker) = serve::Serve::new(listeners, Arc::clone(&shared))?;
        thread::Builder::new()
            .name("stand-in".into())
            .spawn(move || {
                let outcome = limits::run_on(limits::LOAD_CORE).and_then(|()| serve.run());
                panic!("the stand-in workers stopped: {outcome:?}");
            })?;
        Ok(Standin {
            addresses,
            shared,
            waker,
        })
    }

    /// Where the worker called `name` listens.
    pub fn address(&self, name: &str) -> SocketAddr {
        let index = WORKERS.iter().position(|worker| *worker == name);
        self.addresses[index.expect("names come from WORKERS")]
    }

    /// Whether sync answers are chunked, as real Synapse's are, or have a Content-Length.
    pub fn answer_chunked(&self, chunked: bool) {
        self.shared.chunked.store(chunked, Ordering::Relaxed);
    }

    /// Requests each worker has taken so far, a proxy's own questions aside.
    pub fn served(&self) -> [u64; WORKERS.len()] {
        std::array::from_fn(|worker| self.shared.served[worker].load(Ordering::Relaxed))
    }

    /// Waits until `count` requests are parked.
    pub fn wait_parked(&self, count: usize) -> Result<()> {
        let parked = || self.shared.parked.load(Ordering::Relaxed);
        wait::until(Duration::from_secs(20), || Ok(parked() == count))
            .with_context(|| format!("{} of {count} requests reached a worker", parked()))
    }

    /// Answers all that is parked.
    pub fn release(&self) -> Result<()> {
        self.shared.releasing.store(true, Ordering::Relaxed);
        self.waker.wake().context("wake the stand-in workers")
    }
}
