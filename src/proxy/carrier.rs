//! The socket under HTTP/2: the frames of many answers leave it in one write.

use std::{
    cell::RefCell,
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::Stream;

/// So much is gathered for a write, as a record of TLS holds no more.
const GATHERED: usize = 16 * 1024;

/// After so many reads others have their turn: a read brings hundreds of frames, and some clients never end.
const READS: u8 = 16;

/// A connection, beginning with what was read already. `h2` has one end, to which it writes frame by frame; whoever has
/// the other says when a write is worth its while.
pub(super) struct Carrier<'a>(Rc<RefCell<Wire<'a>>>);

struct Wire<'a> {
    client: &'a mut Stream,
    ahead: &'a mut Vec<u8>,
    /// Reads since others had their turn.
    reads: u8,
    /// What was gathered, of which so much is sent; holds no memory between two writes.
    gathered: Vec<u8>,
    sent: usize,
}

impl<'a> Carrier<'a> {
    pub(super) fn new(client: &'a mut Stream, ahead: &'a mut Vec<u8>) -> Self {
        Self(Rc::new(RefCell::new(Wire {
            client,
            ahead,
            reads: 0,
            gathered: Vec::new(),
            sent: 0,
        })))
    }

    /// The other end.
    pub(super) fn other_end(&self) -> Self {
        Self(self.0.clone())
    }

    /// Writes all that was gathered.
    pub(super) fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_send(cx)
    }
}

impl Wire<'_> {
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            self.reads = (self.reads + 1) % READS;
            if self.reads == 0 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Pin::new(&mut *self.client).poll_read(cx, buffer);
        }
        let count = self.ahead.len().min(buffer.remaining());
        buffer.put_slice(&self.ahead[..count]);
        *self.ahead = self.ahead[count..].to_vec();
        Poll::Ready(Ok(()))
    }

    fn poll_gather(
        &mut self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.gathered.len() == GATHERED {
            ready!(self.poll_send(cx))?;
        }
        self.gathered.reserve_exact(GATHERED - self.gathered.len());
        let before = self.gathered.len();
        for part in parts {
            let room = GATHERED - self.gathered.len();
            self.gathered
                .extend_from_slice(&part[..part.len().min(room)]);
        }
        Poll::Ready(Ok(self.gathered.len() - before))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.gathered.len() {
            match ready!(self.client.poll_write(cx, &self.gathered[self.sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.sent += count,
            }
        }
        (self.gathered, self.sent) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Carrier<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_read(cx, buffer)
    }
}

impl AsyncWrite for Carrier<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_gather(cx, parts)
    }

    /// `h2` asks for it after every frame.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut wire = self.0.borrow_mut();
        ready!(wire.poll_send(cx))?;
        wire.client.poll_shutdown(cx)
    }
}
