//! A bound socket, and the loop that hands its connections to the least busy thread.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    os::unix::net::UnixStream,
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use socket2::{Domain, Protocol, Type};
use tokio::{
    net::{TcpListener, UnixListener},
    time::sleep,
};

use super::{Arrival, Entrance, Settings, Threads, arrival::Socket};
use crate::{lifecycle::Stop, net::Address, proxy::Door};

/// Connections that the kernel keeps for us between two accepts.
const BACKLOG: i32 = 4096;

/// After an accept that failed for want of file descriptors or memory; asking again at once would spin.
const PAUSE: Duration = Duration::from_millis(100);

/// A bound and listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: Bound,
    entrance: Arc<Entrance>,
    /// Where it really listens.
    pub address: Address,
}

#[derive(Debug)]
enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Binds the address of `settings`; must be called within a runtime.
    ///
    /// # Errors
    /// When the address is taken, not ours, or not allowed; the message names it.
    pub fn bind(settings: &Settings) -> anyhow::Result<Self> {
        let bound = match &settings.address {
            Address::Unix(path) => bind_unix(path),
            address => bind_tcp(address),
        };
        let (socket, address) = bound.with_context(|| format!("listen on {}", settings.address))?;
        Ok(Self {
            socket,
            entrance: Arc::new(Entrance::new(settings)),
            address,
        })
    }

    /// What it lets in.
    pub fn door(&self) -> Arc<Door> {
        self.entrance.door.clone()
    }

    /// The next connection, out of this runtime's reactor: it will live in another one.
    async fn accept(&self) -> io::Result<Arrival> {
        let entrance = self.entrance.clone();
        match &self.socket {
            Bound::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let socket = Socket::Tcp(stream.into_std()?, peer);
                Ok(Arrival { socket, entrance })
            }
            Bound::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let socket = Socket::Unix(stream.into_std()?);
                Ok(Arrival { socket, entrance })
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Address::Unix(path) = &self.address {
            // It may be gone already; nothing depends on it.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Accepts until the stop is asked for.
pub async fn accept(listener: Listener, threads: Arc<Threads>, mut stop: Stop) {
    loop {
        let arrival = tokio::select! {
            () = stop.asked() => return,
            arrival = listener.accept() => arrival,
        };
        match arrival {
            Ok(arrival) => threads.hand_over(arrival),
            Err(error) if is_passing(&error) => {}
            Err(error) => {
                tracing::warn!(%error, listener = %listener.address, "accept");
                sleep(PAUSE).await;
            }
        }
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

fn bind_tcp(address: &Address) -> io::Result<(Bound, Address)> {
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
    Ok((Bound::Tcp(listener), address))
}

/// Binds a Unix socket; one that a dead process left behind is replaced.
fn bind_unix(path: &Path) -> io::Result<(Bound, Address)> {
    if UnixStream::connect(path).is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused) {
        std::fs::remove_file(path)?;
    }
    Ok((
        Bound::Unix(UnixListener::bind(path)?),
        Address::Unix(path.into()),
    ))
}
