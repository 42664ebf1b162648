//! An answer as it is written: HTTP/1.1 comes in, frames go out.

use std::{
    io,
    task::{Context, Poll},
};

use h2::{Reason, server::SendResponse};
use hyper::{
    HeaderMap, Response, StatusCode,
    body::Bytes,
    header::{HeaderName, HeaderValue},
};

use super::frames::Frames;
use crate::http1::{Framing, Response as Head};

/// How far an answer has come.
#[derive(Debug)]
pub(super) enum Download {
    /// No final head yet.
    Waiting(SendResponse<Bytes>),
    /// The head is on its way.
    Body(Frames),
    /// All of it is on its way.
    Whole,
}

impl Download {
    /// As `Stream::poll_write`; a head always comes whole.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        to_head: bool,
    ) -> Poll<io::Result<usize>> {
        let mut used = 0;
        while used < bytes.len() {
            let rest = &bytes[used..];
            let step = match self {
                Self::Waiting(_) => Poll::Ready(self.take_head(rest, to_head)),
                Self::Body(frames) => frames.poll_write(cx, rest),
                Self::Whole => Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
            };
            match step {
                Poll::Ready(count) => used += count?,
                Poll::Pending if used > 0 => break,
                Poll::Pending => return Poll::Pending,
            }
            if matches!(self, Self::Body(frames) if frames.is_whole()) {
                *self = Self::Whole;
            }
        }
        Poll::Ready(Ok(used))
    }

    /// Ready when the client wants no answer any more, or cannot get one.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Waiting(stream) => stream.poll_reset(cx).map(drop),
            Self::Body(frames) => frames.poll_reset(cx),
            Self::Whole => Poll::Ready(()),
        }
    }

    /// Nothing more comes: the end of a body that ends so, else a cut, which the client can tell from an end.
    pub(super) fn end(&mut self) {
        match self {
            Self::Waiting(stream) => stream.send_reset(Reason::INTERNAL_ERROR),
            Self::Body(frames) => frames.end(),
            Self::Whole => {}
        }
        *self = Self::Whole;
    }

    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Whole)
    }

    /// Sends the head at the start of `bytes`; gives its length.
    fn take_head(&mut self, bytes: &[u8], to_head: bool) -> io::Result<usize> {
        let Self::Waiting(stream) = self else {
            return Ok(0);
        };
        let sent = Head::read(bytes, to_head, |head| {
            send(stream, &head).map(|next| (head.len, next))
        });
        let (length, next) = sent.map_err(io::Error::other)?.map_err(io::Error::other)?;
        if let Some(next) = next {
            *self = next;
        }
        Ok(length)
    }
}

/// Sends a head; gives what comes next, after the last one.
fn send(
    stream: &mut SendResponse<Bytes>,
    head: &Head<'_, '_>,
) -> Result<Option<Download>, h2::Error> {
    match head.status {
        100 | 103 => stream.send_informational(translated(head)).map(|()| None),
        // What has no meaning here is left out: 101 above all.
        ..200 => Ok(None),
        _ => {
            let ends = head.framing == Framing::None;
            let stream = stream.send_response(translated(head), ends)?;
            Ok(Some(match ends {
                true => Download::Whole,
                false => Download::Body(Frames::new(stream, head.framing)),
            }))
        }
    }
}

/// The head without its body; the codec has checked each field.
fn translated(head: &Head<'_, '_>) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in head.passed_on() {
        put(response.headers_mut(), name, value);
    }
    response
}

/// Adds a field; one that only HTTP/1.1 can write is left out.
pub(super) fn put(fields: &mut HeaderMap, name: &str, value: &[u8]) {
    let name = HeaderName::from_bytes(name.as_bytes());
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
        fields.append(name, value);
    }
}
