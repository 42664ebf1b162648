//! One byte stream: TCP, Unix, TLS over one of these, or one request of many on one of these.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};

use super::{Address, Connecting, Connector, Tls};
use crate::{http1::with_output, http2};

/// A connection, from a client or to a worker.
#[derive(Debug)]
pub enum Stream {
    /// TCP, with Nagle's algorithm off.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
    /// TLS from a client; boxed, so that a plain stream is no larger for it.
    Tls(Box<Tls>),
    /// TLS to a worker.
    ToWorker(Box<Tls<Connecting>>),
    /// A request of HTTP/2 that reads and is answered as HTTP/1.1; boxed as well.
    Http2(Box<http2::Exchange>),
}

impl Stream {
    /// Connects, with TLS where there is a connector; a host name is looked up by the system.
    pub async fn connect(address: &Address, tls: Option<&Connector>) -> io::Result<Self> {
        let socket = Self::connect_plain(address).await?;
        match tls {
            None => Ok(socket),
            Some(connector) => connector.connect(address, socket).await,
        }
    }

    async fn connect_plain(address: &Address) -> io::Result<Self> {
        let tcp = match address {
            Address::Ip(address) => TcpStream::connect(address).await?,
            Address::Host(host, port) => TcpStream::connect((&**host, *port)).await?,
            Address::Unix(path) => return Ok(Self::Unix(UnixStream::connect(path).await?)),
        };
        tcp.set_nodelay(true)?;
        Ok(Self::Tcp(tcp))
    }

    /// Reads what is there into `buffer`; 0 when the peer has closed its side.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut filled = ReadBuf::new(buffer);
        let polled = match self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, &mut filled),
            Self::Unix(unix) => Pin::new(unix).poll_read(cx, &mut filled),
            Self::Tls(tls) => return tls.poll_read(cx, buffer),
            Self::ToWorker(tls) => return tls.poll_read(cx, buffer),
            Self::Http2(exchange) => return exchange.poll_read(cx, buffer),
        };
        polled.map_ok(|()| filled.filled().len())
    }

    /// Writes as much of `bytes` as the socket takes now; once pending, the next call must begin with the same bytes.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Unix(unix) => Pin::new(unix).poll_write(cx, bytes),
            Self::Tls(tls) => tls.poll_write(cx, bytes),
            Self::ToWorker(tls) => tls.poll_write(cx, bytes),
            Self::Http2(exchange) => exchange.poll_write(cx, bytes),
        }
    }

    /// Ends our side of the conversation: the peer reads to the end of what was sent.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Unix(unix) => Pin::new(unix).poll_shutdown(cx),
            Self::Tls(tls) => tls.poll_shutdown(cx),
            Self::ToWorker(tls) => tls.poll_shutdown(cx),
            Self::Http2(exchange) => {
                exchange.end();
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Writes what the socket takes now, for the last words of a connection.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.try_write(bytes),
            Self::Unix(unix) => unix.try_write(bytes),
            Self::Tls(tls) => tls.socket().try_write(bytes),
            Self::ToWorker(tls) => tls.socket().try_write(bytes),
            Self::Http2(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// True while the peer has neither closed nor sent anything as far as this thread's reactor has heard, which is
    /// how an idle connection should be; costs no system call.
    pub fn is_quiet(&self) -> bool {
        let mut byte = [0];
        let read = match self {
            Self::Tcp(tcp) => tcp.try_read(&mut byte),
            Self::Unix(unix) => unix.try_read(&mut byte),
            Self::Tls(tls) => return tls.is_settled() && tls.socket().is_quiet(),
            Self::ToWorker(tls) => return tls.is_settled() && tls.socket().is_quiet(),
            Self::Http2(_) => return false,
        };
        matches!(read, Err(e) if e.kind() == io::ErrorKind::WouldBlock)
    }

    /// True when bytes of the peer wait in the kernel.
    pub fn has_waiting(&self) -> bool {
        matches!(self.peek(), Ok(1..))
    }

    /// As [`Self::is_quiet`], asked of the kernel.
    pub fn is_open(&self) -> bool {
        matches!(self.peek(), Err(e) if e.kind() == io::ErrorKind::WouldBlock)
    }

    fn peek(&self) -> io::Result<usize> {
        let mut byte = [MaybeUninit::uninit()];
        match self {
            Self::Tcp(tcp) => SockRef::from(tcp).peek(&mut byte),
            Self::Unix(unix) => SockRef::from(unix).peek(&mut byte),
            Self::Tls(tls) => tls.socket().peek(),
            Self::ToWorker(tls) => tls.socket().peek(),
            Self::Http2(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// For libraries that want tokio's traits.
impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Unix(unix) => Pin::new(unix).poll_read(cx, buffer),
            other => {
                let count = ready!(other.poll_read(cx, buffer.initialize_unfilled()))?;
                buffer.advance(count);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, parts),
            Self::Unix(unix) => Pin::new(unix).poll_write_vectored(cx, parts),
            // One record for all parts.
            sealed => with_output(|out| {
                parts.iter().for_each(|part| out.extend_from_slice(part));
                sealed.poll_write(cx, out)
            }),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What a write has taken is with the kernel.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_shutdown(cx)
    }
}
