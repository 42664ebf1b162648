//! One request and its answer.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll},
};

use h2::{RecvStream, server::SendResponse};
use hyper::{Method, Request, body::Bytes};

use super::{Ledger, answer::Download, ledger::Entry, request::Upload};

/// A request that is read, and an answer that is written, as HTTP/1.1. Dropping it ends both: an answer that is not
/// whole is cut.
#[derive(Debug)]
pub struct Exchange {
    upload: Upload,
    download: Download,
    to_head: bool,
    entry: Entry,
}

impl Exchange {
    /// An exchange of the connection of that ledger.
    pub fn new(
        request: Request<RecvStream>,
        respond: SendResponse<Bytes>,
        ledger: &Arc<Ledger>,
    ) -> Self {
        Self {
            to_head: request.method() == Method::HEAD,
            upload: Upload::new(request),
            download: Download::Waiting(respond),
            entry: ledger.enter(),
        }
    }

    /// Reads what is there of the request; 0 when the client has taken it back or the answer is whole.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.download.is_whole() {
            return Poll::Ready(Ok(0));
        }
        if self.download.poll_reset(cx).is_ready() {
            self.entry.note_taken_back();
            return Poll::Ready(Ok(0));
        }
        self.upload.poll_read(cx, buffer)
    }

    /// Sends as much of an answer as the client has room for.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.download.poll_write(cx, bytes, self.to_head);
        if self.download.is_whole() {
            self.entry.note_answered();
        }
        written
    }

    /// Nothing more is written.
    pub fn end(&mut self) {
        self.download.end();
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end();
    }
}
