//! The floor: relays bytes and parses nothing, one read and one write each way per request.
//!
//! It makes the four socket calls that no proxy can go without, on the same runtime as ours.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};

use crate::listen::listen;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 * 1024]);
}

/// Relays connections taken at `address` to `worker`, for ever.
pub fn run(address: SocketAddr, worker: SocketAddr) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async move {
        let listener = listen(address)?;
        loop {
            let (client, _) = listener.accept().await?;
            // A connection that breaks ends its own task and nothing else.
            spawn_local(async move { relay_all(client, worker).await.unwrap_or(()) });
        }
    })
}

async fn relay_all(mut client: TcpStream, worker: SocketAddr) -> io::Result<()> {
    let mut worker = TcpStream::connect(worker).await?;
    client.set_nodelay(true)?;
    worker.set_nodelay(true)?;
    while relay(&mut client, &mut worker).await? && relay(&mut worker, &mut client).await? {}
    Ok(())
}

/// Moves what one read gives; false at the end of the stream.
async fn relay(from: &mut TcpStream, to: &mut TcpStream) -> io::Result<bool> {
    poll_fn(|cx| SCRATCH.with_borrow_mut(|scratch| poll_relay(cx, from, to, scratch))).await
}

fn poll_relay(
    cx: &mut Context<'_>,
    from: &mut TcpStream,
    to: &mut TcpStream,
    scratch: &mut [u8],
) -> Poll<io::Result<bool>> {
    let mut read = ReadBuf::new(scratch);
    ready!(Pin::new(from).poll_read(cx, &mut read))?;
    let bytes = read.filled();
    if bytes.is_empty() {
        return Poll::Ready(Ok(false));
    }
    match Pin::new(to).poll_write(cx, bytes) {
        Poll::Ready(Ok(sent)) if sent == bytes.len() => Poll::Ready(Ok(true)),
        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        // Messages here always fit a socket; one that does not ends the connection.
        _ => Poll::Ready(Err(io::ErrorKind::WouldBlock.into())),
    }
}
