//! One request and its answer on one connection to a worker: both bodies stream at once, each held back by its reader.

use std::{
    io,
    task::{Context, Poll, ready},
};

use tokio::time::Instant;

use super::{
    answer::{Answer, Form},
    callers, compression,
    conversation::Conversation,
    encoder::Encoder,
    incoming::Incoming,
    pending::Pending,
    tunnel,
};
use crate::{
    http1::{
        Body, BodyFault, Framing, Response, ResponseFault, Version, with_body_input, with_input,
        with_output,
    },
    lifecycle::Cut,
    matrix::Group,
    net::Stream,
    telemetry::Reason,
};

/// An answer's head may have so many bytes.
const ANSWER_HEAD: usize = 64 * 1024;

/// So many 1xx may come before an answer.
const INTERIMS: u8 = 8;

/// A client must move so many bytes of a body in each period, or it is too slow.
const CRAWL: u64 = 4096;

/// Why an exchange ended early.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    pub(super) reason: Reason,
    /// The request may have reached the worker.
    pub(super) sent: bool,
}

/// The exchange of one request with one worker.
pub(super) struct Exchange<'a> {
    conversation: &'a mut Conversation,
    request: &'a mut Incoming,
    worker: Stream,
    /// Bytes of `request.first` that the worker's socket took.
    written: usize,
    to_worker: Pending,
    to_client: Pending,
    /// The start of an answer's head.
    part: Vec<u8>,
    answer: Option<Answer>,
    /// The worker does not read on; it may still answer.
    deaf: bool,
    interims: u8,
    /// The last piece of a body filled its buffer, and its reader took all of it.
    wide: bool,
    /// Bytes moved both ways when the current period began.
    moved_before: u64,
    moved: u64,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        conversation: &'a mut Conversation,
        request: &'a mut Incoming,
        worker: Stream,
    ) -> Self {
        let mut exchange = Self {
            conversation,
            request,
            worker,
            written: 0,
            to_worker: Pending::default(),
            to_client: Pending::default(),
            part: Vec::new(),
            answer: None,
            deaf: false,
            interims: 0,
            wide: false,
            moved_before: 0,
            moved: 0,
        };
        exchange.set_deadline();
        exchange
    }

    /// The answer, as far as it came, and the worker's connection when it can serve another request, works on a first
    /// sync still, or speaks another protocol from now on.
    pub(super) fn end(self) -> (Option<Answer>, Option<Stream>) {
        let sent = self.request.body.is_whole() && !self.is_unsent() && !self.deaf;
        let switched = self.answer.as_ref().is_some_and(Answer::switched);
        let reusable = sent
            && self.part.is_empty()
            && self
                .answer
                .as_ref()
                .is_some_and(|answer| answer.reusable && answer.body.is_whole());
        let works = sent && self.answer.is_none() && self.request.plan.group == Group::InitialSync;
        let is_of_use = reusable || works || switched;
        (self.answer, is_of_use.then_some(self.worker))
    }

    /// Runs to the answer's end.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        if self.is_cut() {
            return Poll::Ready(self.fail(Reason::Ejected));
        }
        if self.conversation.deadline.is_over(cx) {
            self.next_period()?;
        }
        if let Poll::Ready(Err(failure)) = self.poll_upload(cx) {
            return Poll::Ready(Err(failure));
        }
        self.poll_answer(cx)
    }

    /// True when the worker is gone for this request.
    fn is_cut(&self) -> bool {
        match self.conversation.deadline.cut() {
            None => false,
            Some(Cut::Move) => self.answer.is_none() && self.request.is_repeatable(),
            Some(Cut::End) => true,
        }
    }

    /// Client to worker; pending for ever once all is sent, and watches the client from then on.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        loop {
            if !self.deaf && self.is_unsent() {
                match ready!(self.poll_send(cx)) {
                    Ok(()) => self.note_sent(),
                    Err(_) if self.written == 0 => return Poll::Ready(self.fail(Reason::Closed)),
                    Err(_) => self.deaf = true,
                }
                continue;
            }
            if self.request.body.is_whole() || self.deaf {
                ready!(self.conversation.poll_left(cx));
                return Poll::Ready(self.fail(Reason::ClientLeft));
            }
            match ready!(self.poll_body(cx)) {
                Ok(0) => return Poll::Ready(self.fail(Reason::ClientLeft)),
                Ok(_) => {}
                Err(reason) => return Poll::Ready(self.fail(reason)),
            }
        }
    }

    fn is_unsent(&self) -> bool {
        self.written < self.request.first.len() || !self.to_worker.is_empty()
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let first = &self.request.first[self.written..];
        if first.is_empty() {
            return self.to_worker.poll_flush(cx, &mut self.worker);
        }
        let count = ready!(self.worker.poll_write(cx, first))?;
        self.written += count;
        Poll::Ready(Ok(()))
    }

    /// Once the request is whole, the time for the answer begins.
    fn note_sent(&mut self) {
        if self.request.is_streamed
            && self.request.body.is_whole()
            && !self.is_unsent()
            && self.answer.is_none()
        {
            self.set_deadline();
        }
    }

    /// Reads a piece of the request's body and passes it on; 0 when the client has left.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Reason>> {
        let Self {
            conversation,
            request,
            worker,
            to_worker,
            moved,
            wide,
            ..
        } = self;
        with_body_input(*wide, |input| {
            let count = match ready!(conversation.client.poll_read(cx, input)) {
                Ok(count) => count,
                Err(_) => return Poll::Ready(Err(Reason::ClientLeft)),
            };
            let used =
                request
                    .body
                    .advance(&input[..count], |_| ())
                    .map_err(|fault| match fault {
                        BodyFault::Chunk => Reason::BadRequest,
                        BodyFault::TooLarge => Reason::BodyTooLarge,
                    })?;
            conversation.ahead.extend_from_slice(&input[used..count]);
            *moved += used as u64;
            if !request.remember(&input[..used]) {
                *wide = to_worker.send(cx, worker, &input[..used]);
            }
            Poll::Ready(Ok(count))
        })
    }

    /// Worker to client, until the answer is whole.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        loop {
            if !self.to_client.is_empty() {
                let client = &mut self.conversation.client;
                if ready!(self.to_client.poll_flush(cx, client)).is_err() {
                    return Poll::Ready(self.fail(Reason::ClientLeft));
                }
                continue;
            }
            let step = match &self.answer {
                None => ready!(self.poll_head(cx)),
                Some(answer) if answer.body.is_whole() || answer.switched() => {
                    return Poll::Ready(Ok(()));
                }
                Some(_) => ready!(self.poll_answer_body(cx)),
            };
            match step {
                Ok(true) => {}
                Ok(false) => return Poll::Ready(Ok(())),
                Err(reason) => return Poll::Ready(self.fail(reason)),
            }
        }
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Reason>> {
        with_input(|input| {
            let count = match ready!(self.worker.poll_read(cx, input)) {
                Ok(count @ 1..) => count,
                _ => return Poll::Ready(Err(Reason::Closed)),
            };
            if self.part.is_empty() {
                return Poll::Ready(self.read_head(cx, &input[..count]).map(|()| true));
            }
            let mut whole = std::mem::take(&mut self.part);
            whole.extend_from_slice(&input[..count]);
            Poll::Ready(self.read_head(cx, &whole).map(|()| true))
        })
    }

    /// Reads the heads in `bytes` and passes them on, with what stands behind the last one.
    fn read_head(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Result<(), Reason> {
        let mut rest = bytes;
        with_output(|out| {
            while self.answer.is_none() {
                let (to_head, asked) = (self.request.to_head, self.request.upgrades());
                let read = Response::read_or_switch(rest, to_head, asked, |response| {
                    let behind = &rest[response.len..];
                    self.take_head(&response, behind, out)
                });
                match read {
                    Ok(taken) => rest = &rest[taken?..],
                    Err(ResponseFault::Partial) if rest.len() < ANSWER_HEAD => {
                        self.part = rest.to_vec();
                        break;
                    }
                    Err(_) => return Err(Reason::BadAnswer),
                }
            }
            if let Some(answer) = &mut self.answer {
                answer.take_body(rest, &mut self.request.lesson, out)?;
            }
            self.moved += out.len() as u64;
            self.to_client.send(cx, &mut self.conversation.client, out);
            Ok(())
        })
    }

    /// Passes one head on; gives its length.
    fn take_head(
        &mut self,
        response: &Response<'_, '_>,
        behind: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<usize, Reason> {
        let version = self.request.version;
        if response.is_interim() && !response.switches() {
            self.interims += 1;
            if self.interims > INTERIMS {
                return Err(Reason::BadAnswer);
            }
            if version == Version::Http11 {
                response.write(version, false, out);
            }
            return Ok(response.len);
        }
        let ends = response.switches()
            || response.framing == Framing::UntilClose
            || (response.framing == Framing::Chunked && version == Version::Http10);
        let close = ends
            || self.conversation.deadline.is_last()
            || !self.request.keep_alive
            || !self.request.body.is_whole();
        let form = self.form(response, behind);
        match form.as_deref() {
            Some(Form::Coded(encoder)) => response.write_coded(encoder.coding(), close, out),
            _ => response.write(version, close, out),
        }
        if self.request.lesson.is_some() && !callers::teaches(response) {
            self.request.lesson = None;
        }
        let now = Instant::now();
        self.conversation.deadline.set(self.request.plan.body_idle);
        self.answer = Some(Answer {
            status: response.status,
            body: match response.switches() {
                true => tunnel::endless(),
                false => Body::new(response.framing, u64::MAX),
            },
            at: now,
            close,
            reusable: response.keep_alive,
            form,
        });
        Ok(response.len)
    }

    /// What the body of that answer becomes; `behind` is how it begins.
    fn form(&self, response: &Response<'_, '_>, behind: &[u8]) -> Option<Box<Form>> {
        if self.request.version == Version::Http10 {
            return Some(Box::new(Form::Bare));
        }
        let ours = &self.conversation.peer.door.compression;
        let coding = compression::choose(self.request, ours, response, behind)?;
        Some(Box::new(Form::Coded(Box::new(Encoder::new(coding)?))))
    }

    /// Passes on a piece of the answer's body; false when the connection's end was the body's end.
    fn poll_answer_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Reason>> {
        let Some(answer) = &mut self.answer else {
            return Poll::Ready(Ok(true));
        };
        let changes = answer.form.is_some();
        with_body_input(self.wide && !changes, |input| {
            let read = ready!(self.worker.poll_read(cx, input));
            let Ok(count @ 1..) = read else {
                let end = read.is_ok() && answer.body.ends_with_connection();
                return Poll::Ready(if end {
                    Ok(false)
                } else {
                    Err(Reason::CutShort)
                });
            };
            let client = &mut self.conversation.client;
            self.moved += count as u64;
            if changes {
                let passed = with_output(|out| {
                    answer.take_body(&input[..count], &mut self.request.lesson, out)?;
                    self.to_client.send(cx, client, out);
                    Ok(true)
                });
                if answer.is_work() {
                    // Compressing is work: others get their turn after each piece.
                    cx.waker().wake_by_ref();
                    return passed
                        .map_or_else(|reason| Poll::Ready(Err(reason)), |_: bool| Poll::Pending);
                }
                return Poll::Ready(passed);
            }
            let used = answer.advance(&input[..count], &mut self.request.lesson, |_| ())?;
            self.wide = self.to_client.send(cx, client, &input[..used]);
            Poll::Ready(Ok(true))
        })
    }

    /// The time is up: goes on if the bodies have moved enough, else names who was too slow.
    fn next_period(&mut self) -> Result<(), Failure> {
        let moved = self.moved - self.moved_before;
        let uploads = !self.request.body.is_whole() && !self.deaf && self.to_worker.is_empty();
        let client_is_slow = uploads || !self.to_client.is_empty();
        let waits_for_head = self.answer.is_none() && !uploads;
        let needed = if client_is_slow { CRAWL } else { 1 };
        if waits_for_head || moved < needed {
            let reason = if client_is_slow {
                Reason::SlowClient
            } else {
                Reason::Timeout
            };
            return Err(self.failure(reason));
        }
        self.moved_before = self.moved;
        self.conversation.deadline.set(self.request.plan.body_idle);
        Ok(())
    }

    fn set_deadline(&mut self) {
        let plan = &self.request.plan;
        let time = if self.request.body.is_whole() {
            plan.deadline
        } else {
            plan.body_idle
        };
        self.conversation.deadline.set(time);
    }

    fn fail<T>(&self, reason: Reason) -> Result<T, Failure> {
        Err(self.failure(reason))
    }

    fn failure(&self, reason: Reason) -> Failure {
        Failure {
            reason,
            sent: self.written > 0,
        }
    }
}
