//! What follows an upgrade: bytes both ways, each way held back by its reader, until one side closes.

use std::{
    future::poll_fn,
    task::{Context, Poll, ready},
    time::Duration,
};

use super::{conversation::Conversation, pending::Pending};
use crate::{
    http1::{Body, Framing, with_input},
    lifecycle::Cut,
    net::Stream,
};

/// A client and a worker that speak something else than HTTP.
pub(super) struct Tunnel<'a> {
    conversation: &'a mut Conversation,
    worker: Stream,
    to_worker: Pending,
    to_client: Pending,
    /// What counts the bytes from the client, and those from the worker.
    up: &'a mut Body,
    down: &'a mut Body,
    /// It ends when nothing has moved for so long.
    idle: Duration,
}

/// The body of a side that speaks until it closes.
pub(super) fn endless() -> Body {
    Body::new(Framing::UntilClose, u64::MAX)
}

impl<'a> Tunnel<'a> {
    pub(super) fn new(
        conversation: &'a mut Conversation,
        worker: Stream,
        (up, down): (&'a mut Body, &'a mut Body),
        idle: Duration,
    ) -> Self {
        *up = endless();
        conversation.deadline.set(idle);
        Self {
            conversation,
            worker,
            to_worker: Pending::default(),
            to_client: Pending::default(),
            up,
            down,
            idle,
        }
    }

    /// Runs until one side closes and the other has what it said, or nothing moves for too long.
    pub(super) async fn run(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = &self.conversation.deadline;
        if deadline.cut() == Some(Cut::End) || deadline.is_over(cx) {
            return Poll::Ready(());
        }
        // Both are asked: each must be woken.
        let (up, down) = (self.poll_up(cx), self.poll_down(cx));
        match up.is_ready() || down.is_ready() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Client to worker; ready when the client has closed or the worker does not listen.
    fn poll_up(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if ready!(self.to_worker.poll_flush(cx, &mut self.worker)).is_err() {
                return Poll::Ready(());
            }
            let ahead = std::mem::take(&mut self.conversation.ahead);
            if !ahead.is_empty() {
                count(self.up, &ahead);
                self.to_worker.send(cx, &mut self.worker, &ahead);
                continue;
            }
            let read = with_input(|input| {
                let count = ready!(self.conversation.client.poll_read(cx, input)).unwrap_or(0);
                let piece = &input[..count];
                self::count(self.up, piece);
                self.to_worker.send(cx, &mut self.worker, piece);
                Poll::Ready(count)
            });
            if ready!(read) == 0 {
                return Poll::Ready(());
            }
            self.conversation.deadline.set(self.idle);
        }
    }

    /// Worker to client; ready when the worker has closed or the client does not listen.
    fn poll_down(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let client = &mut self.conversation.client;
            if ready!(self.to_client.poll_flush(cx, client)).is_err() {
                return Poll::Ready(());
            }
            let read = with_input(|input| {
                let count = ready!(self.worker.poll_read(cx, input)).unwrap_or(0);
                let piece = &input[..count];
                self::count(self.down, piece);
                self.to_client.send(cx, client, piece);
                Poll::Ready(count)
            });
            if ready!(read) == 0 {
                return Poll::Ready(());
            }
            self.conversation.deadline.set(self.idle);
        }
    }
}

/// Counts what passes; no limit holds here.
fn count(body: &mut Body, piece: &[u8]) {
    let _ = body.advance(piece, |_| ());
}
