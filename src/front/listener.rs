//! A bound socket, and the loop that hands its connections to the least busy thread.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    os::unix::net::UnixStream,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use socket2::{Domain, Protocol, SockRef, Type};
use tokio::{
    net::{TcpListener, UnixListener},
    time::sleep,
};

use super::{
    Arrival, Certificates, Entrance, Security, Settings, Threads, arrival::Socket, places::Count,
};
use crate::{lifecycle::Stop, net::Address, proxy::Door, telemetry::Metrics};

/// Connections that the kernel keeps for us between two accepts.
const BACKLOG: i32 = 4096;

/// After an accept that failed for want of file descriptors or memory; asking again at once would spin.
const PAUSE: Duration = Duration::from_millis(100);

/// A listening socket with what holds for those who come in by it. A reload makes another one of the same socket.
#[derive(Clone, Debug)]
pub struct Listener {
    bound: Arc<Bound>,
    entrance: Arc<Entrance>,
}

/// A bound and listening socket; closed when nobody uses it any more.
#[derive(Debug)]
struct Bound {
    socket: Listening,
    /// Where it really listens.
    address: Address,
    number: u16,
    /// Connections that came in here, whatever the settings were.
    connections: Arc<Count>,
}

#[derive(Debug)]
enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Binds the address of `settings`; must be called within a runtime.
    ///
    /// # Errors
    /// When the address is taken, not ours, or not allowed, or a certificate is of no use; the message names it.
    pub fn bind(settings: &Settings, metrics: &Metrics) -> anyhow::Result<Self> {
        let security = security(settings, metrics)?;
        let bound = match &settings.address {
            Address::Unix(path) => bind_unix(path),
            address => bind_tcp(address),
        };
        let (socket, address) = bound.with_context(|| format!("listen on {}", settings.address))?;
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let bound = Arc::new(Bound {
            socket,
            address,
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            connections: Arc::default(),
        });
        Ok(Self::of(bound, settings, security))
    }

    /// The same socket with other settings.
    ///
    /// # Errors
    /// When a certificate is of no use.
    pub fn again(&self, settings: &Settings, metrics: &Metrics) -> anyhow::Result<Self> {
        let kept = self.entrance.security.clone();
        let security = match kept.filter(|kept| kept.is_of(settings)) {
            Some(kept) => Some(kept),
            None => security(settings, metrics)?,
        };
        Ok(Self::of(self.bound.clone(), settings, security))
    }

    fn of(bound: Arc<Bound>, settings: &Settings, security: Option<Arc<Security>>) -> Self {
        let connections = bound.connections.clone();
        Self {
            entrance: Arc::new(Entrance::new(settings, security, connections, bound.number)),
            bound,
        }
    }

    /// Where it really listens.
    pub fn address(&self) -> &Address {
        &self.bound.address
    }

    /// Names the socket within this process.
    pub fn number(&self) -> u16 {
        self.bound.number
    }

    /// What it shows to clients that speak TLS.
    pub fn certificates(&self) -> Option<Arc<Certificates>> {
        let security = self.entrance.security.as_ref()?;
        Some(security.certificates.clone())
    }

    /// What it lets in.
    pub fn door(&self) -> Arc<Door> {
        self.entrance.door.clone()
    }

    /// The next connection, out of this runtime's reactor: it will live in another one.
    async fn accept(&self) -> io::Result<Arrival> {
        let entrance = self.entrance.clone();
        match &self.bound.socket {
            Listening::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let socket = Socket::Tcp(stream.into_std()?, peer);
                Ok(Arrival { socket, entrance })
            }
            Listening::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let socket = Socket::Unix(stream.into_std()?);
                Ok(Arrival { socket, entrance })
            }
        }
    }

    /// A connection that the kernel has accepted for us already.
    fn accept_waiting(&self) -> io::Result<Arrival> {
        let entrance = self.entrance.clone();
        let (stream, peer) = match &self.bound.socket {
            Listening::Tcp(listener) => SockRef::from(listener).accept()?,
            Listening::Unix(listener) => SockRef::from(listener).accept()?,
        };
        stream.set_nonblocking(true)?;
        let socket = match peer.as_socket() {
            Some(peer) => {
                stream.set_tcp_nodelay(true)?;
                Socket::Tcp(stream.into(), peer)
            }
            None => Socket::Unix(stream.into()),
        };
        Ok(Arrival { socket, entrance })
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if let Address::Unix(path) = &self.address {
            // It may be gone already; nothing depends on it.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Accepts until the stop is asked for; those who have come by then are still let in.
pub async fn accept(listener: Listener, threads: Arc<Threads>, mut stop: Stop) {
    loop {
        let arrival = tokio::select! {
            () = stop.asked() => break,
            arrival = listener.accept() => arrival,
        };
        match arrival {
            Ok(arrival) => threads.hand_over(arrival),
            Err(error) if is_passing(&error) => {}
            Err(error) => {
                tracing::warn!(%error, listener = %listener.address(), "accept");
                sleep(PAUSE).await;
            }
        }
    }
    while let Ok(arrival) = listener.accept_waiting() {
        threads.hand_over(arrival);
    }
}

fn security(settings: &Settings, metrics: &Metrics) -> anyhow::Result<Option<Arc<Security>>> {
    match &*settings.tls {
        [] => Ok(None),
        _ => Ok(Some(Arc::new(Security::new(settings, metrics)?))),
    }
}

/// A client that left before we accepted it is no fault.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}

fn bind_tcp(address: &Address) -> io::Result<(Listening, Address)> {
    let address: SocketAddr = match address {
        Address::Ip(address) => *address,
        other => other
            .to_string()
            .to_socket_addrs()?
            .next()
            .ok_or(io::ErrorKind::AddrNotAvailable)?,
    };
    let socket = socket2::Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into())?;
    let address = Address::Ip(listener.local_addr()?);
    Ok((Listening::Tcp(listener), address))
}

/// Binds a Unix socket; one that a dead process left behind is replaced.
fn bind_unix(path: &Path) -> io::Result<(Listening, Address)> {
    if UnixStream::connect(path).is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused) {
        std::fs::remove_file(path)?;
    }
    Ok((
        Listening::Unix(UnixListener::bind(path)?),
        Address::Unix(path.into()),
    ))
}
