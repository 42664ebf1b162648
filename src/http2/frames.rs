//! The body of an answer on its way: chunks are taken off, and no more is taken than the client has room for.

use std::{
    io,
    task::{Context, Poll},
};

use h2::{Reason, SendStream};
use hyper::{HeaderMap, body::Bytes};

use super::answer::put;
use crate::http1::{Body, Framing, each_trailer};

/// A body that is being sent.
#[derive(Debug)]
pub(super) struct Frames {
    stream: SendStream<Bytes>,
    body: Body,
    /// The trailer fields so far, as they came.
    trailers: Vec<u8>,
}

impl Frames {
    pub(super) fn new(stream: SendStream<Bytes>, framing: Framing) -> Self {
        Self {
            stream,
            body: Body::new(framing, u64::MAX),
            trailers: Vec::new(),
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.body.is_whole()
    }

    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_reset(cx).map(drop)
    }

    /// Sends as much of the body as the client has room for.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let room = match self.poll_room(cx, bytes.len()) {
            Poll::Ready(room) => room?,
            // The end of a body needs no room.
            Poll::Pending if self.is_framing(bytes) => bytes.len(),
            Poll::Pending => return Poll::Pending,
        };
        // The payload is never more than the bytes it comes in.
        Poll::Ready(self.send(&bytes[..bytes.len().min(room)]))
    }

    /// Ends a body that ends with its connection, and cuts any other.
    pub(super) fn end(&mut self) {
        match self.body.ends_with_connection() {
            // A client that is gone needs no end.
            true => drop(self.stream.send_data(Bytes::new(), true)),
            false => self.stream.send_reset(Reason::INTERNAL_ERROR),
        }
    }

    fn poll_room(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        match self.stream.capacity() {
            0 => self.stream.reserve_capacity(wanted),
            room => return Poll::Ready(Ok(room)),
        }
        self.stream.poll_capacity(cx).map(|room| match room {
            Some(room) => room.map_err(io::Error::other),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        })
    }

    /// True when no byte of these is payload.
    fn is_framing(&self, bytes: &[u8]) -> bool {
        let (mut body, before) = (self.body, self.body.payload());
        body.advance(bytes, |_| ()).is_ok() && body.payload() == before
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut payload = Vec::with_capacity(bytes.len());
        let trailers = &mut self.trailers;
        let used = self.body.advance_to_end(
            bytes,
            |piece| payload.extend_from_slice(piece),
            |byte| trailers.push(byte),
        );
        let used = used.map_err(io::Error::other)?;
        let ends = self.body.is_whole();
        let has_trailers = ends && self.trailers.len() > 2;
        if !payload.is_empty() || (ends && !has_trailers) {
            let sent = self.stream.send_data(payload.into(), ends && !has_trailers);
            sent.map_err(io::Error::other)?;
        }
        if has_trailers {
            self.send_trailers().map_err(io::Error::other)?;
        }
        Ok(used)
    }

    fn send_trailers(&mut self) -> Result<(), h2::Error> {
        let mut fields = HeaderMap::new();
        each_trailer(&self.trailers, |name, value| put(&mut fields, name, value));
        self.stream.send_trailers(fields)
    }
}
