//! A request as it is read: its head, then its body, framed as the head says.

use std::{
    io,
    task::{Context, Poll, ready},
};

use h2::RecvStream;
use hyper::{HeaderMap, Request, body::Bytes};

use super::head;
use crate::http1::{Framing, write_trailers};

/// What is still to be read of a request. What was taken from a frame makes room for the next one at the client, so
/// that at most one frame waits here.
#[derive(Debug)]
pub(super) struct Upload {
    body: RecvStream,
    held: Bytes,
    framing: Framing,
    ended: bool,
}

impl Upload {
    pub(super) fn new(request: Request<RecvStream>) -> Self {
        let ended = request.body().is_end_stream();
        let (head, framing) = head::write(&request, ended);
        Self {
            body: request.into_body(),
            held: head.into(),
            framing,
            ended,
        }
    }

    /// Reads what is there; pending for ever once all was read.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut filled = 0;
        while filled < buffer.len() {
            if self.held.is_empty() && !self.poll_frame(cx)? {
                break;
            }
            let count = self.held.len().min(buffer.len() - filled);
            buffer[filled..filled + count].copy_from_slice(&self.held.split_to(count));
            filled += count;
        }
        match filled {
            0 => Poll::Pending,
            filled => Poll::Ready(Ok(filled)),
        }
    }

    /// Takes the next frame with anything in it; false when there is none now.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        while self.held.is_empty() && !self.ended {
            match self.body.poll_data(cx) {
                Poll::Pending => return Ok(false),
                Poll::Ready(Some(data)) => self.take(data.map_err(io::Error::other)?)?,
                Poll::Ready(None) if self.poll_end(cx)?.is_pending() => return Ok(false),
                Poll::Ready(None) => {}
            }
        }
        Ok(!self.held.is_empty())
    }

    fn take(&mut self, data: Bytes) -> io::Result<()> {
        let flow = self.body.flow_control();
        flow.release_capacity(data.len())
            .map_err(io::Error::other)?;
        self.held = match self.framing {
            Framing::Chunked if !data.is_empty() => {
                let size = format!("{:x}\r\n", data.len());
                [size.as_bytes(), &data, b"\r\n"].concat().into()
            }
            _ => data,
        };
        Ok(())
    }

    /// Ends the body, with its trailers where it is chunked: behind a length HTTP/1.1 has no place for them.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.framing == Framing::Chunked {
            let trailers = ready!(self.body.poll_trailers(cx)).map_err(io::Error::other)?;
            self.held = last_chunk(trailers.as_ref());
        }
        self.ended = true;
        Poll::Ready(Ok(()))
    }
}

/// The end of a chunked body; the codec judges the length of what stands there.
fn last_chunk(trailers: Option<&HeaderMap>) -> Bytes {
    let Some(trailers) = trailers else {
        return Bytes::from_static(b"0\r\n\r\n");
    };
    let mut out = b"0\r\n".to_vec();
    let fields = trailers.iter();
    write_trailers(
        fields.map(|(name, value)| (name.as_str(), value.as_bytes())),
        &mut out,
    );
    out.extend_from_slice(b"\r\n");
    out.into()
}
