//! Bytes that a socket has not taken yet: at most one reading buffer, as nothing is read while some wait.

use std::{
    io,
    task::{Context, Poll, ready},
};

use crate::{http1::INPUT, net::Stream};

/// The bytes left over from a write; boxed, as they are rare.
#[derive(Debug, Default)]
pub(super) struct Pending {
    bytes: Option<Box<Left>>,
}

#[derive(Debug)]
struct Left {
    bytes: Vec<u8>,
    written: usize,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_none()
    }

    /// Sends `bytes` now and keeps what the socket does not take; an error shows at the next flush. True when it took
    /// all of a full buffer: the next read may bring more.
    pub(super) fn send(&mut self, cx: &mut Context<'_>, to: &mut Stream, bytes: &[u8]) -> bool {
        debug_assert!(self.is_empty());
        let written = match bytes {
            [] => return false,
            _ => match to.poll_write(cx, bytes) {
                Poll::Ready(Ok(written)) => written,
                _ => 0,
            },
        };
        if written < bytes.len() {
            self.keep(&bytes[written..]);
        }
        written >= INPUT && self.is_empty()
    }

    /// Keeps `bytes` for the next flush.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        debug_assert!(self.is_empty());
        self.bytes = Some(Box::new(Left {
            bytes: bytes.into(),
            written: 0,
        }));
    }

    /// Writes until nothing is left.
    pub(super) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut Stream,
    ) -> Poll<io::Result<()>> {
        while let Some(left) = &mut self.bytes {
            left.written += ready!(to.poll_write(cx, &left.bytes[left.written..]))?;
            if left.written == left.bytes.len() {
                self.bytes = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}
