//! Where to listen, with a queue as long as the peers have.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result};
use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

/// Listens on `address` with room for 4,096 waiting connections.
pub fn listen(address: SocketAddr) -> Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket
        .bind(&address.into())
        .with_context(|| format!("bind {address}"))?;
    socket.listen(4096)?;
    Ok(TcpListener::from_std(socket.into())?)
}

/// A loopback address nobody listens on just now.
///
/// Below the ports the kernel gives to clients: there, asking whether a proxy listens yet could
/// connect the asking socket to itself.
pub fn free_address() -> Result<SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = std::process::id() as u16 % 100 * 100;
    let ports =
        (0..2_000).map(|_| 15_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 15_000);
    let mut addresses = ports.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    addresses
        .find(|address| std::net::TcpListener::bind(address).is_ok())
        .context("find a free port")
}
