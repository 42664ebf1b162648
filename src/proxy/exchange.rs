//! One request and its answer on one connection to a worker: both bodies stream at once, each held back by its reader.

use std::{
    io,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Core,
    answer::{Answer, Form},
    callers, compression,
    conversation::Conversation,
    encoder::Encoder,
    incoming::Incoming,
    pace::Pace,
    pending::Pending,
    tunnel,
    turns::Place,
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

/// Why an exchange ended early.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    pub(super) reason: Reason,
    /// The request may have reached the worker.
    pub(super) sent: bool,
}

/// What an exchange comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The client is what it waits for: its slot is of no use.
    Stalls,
    /// The rest of the body has come, and the worker would begin to work: it needs its slot.
    GoesOn,
    /// The answer is whole.
    Done,
}

/// The exchange of one request with one worker.
pub(super) struct Exchange<'a> {
    core: &'a Core,
    pub(super) conversation: &'a mut Conversation,
    pub(super) request: &'a mut Incoming,
    worker: Stream,
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
    place: Place,
    /// Bytes of `request.first` that the worker's socket took.
    written: u32,
    pace: Pace,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        core: &'a Core,
        conversation: &'a mut Conversation,
        request: &'a mut Incoming,
        worker: Stream,
        is_paused: bool,
    ) -> Self {
        let mut exchange = Self {
            core,
            conversation,
            request,
            worker,
            to_worker: Pending::default(),
            to_client: Pending::default(),
            part: Vec::new(),
            answer: None,
            deaf: false,
            interims: 0,
            wide: false,
            place: Place::default(),
            written: 0,
            pace: match is_paused {
                true => Pace::paused(),
                false => Pace::new(),
            },
        };
        match exchange.request.body.is_whole() {
            true => exchange.wait_for_answer(),
            false if is_paused => exchange.begin_period(),
            false => exchange.wait_for_client(),
        }
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

    /// Runs to the answer's end, or until its slot is of no use, or needed again.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, Failure>> {
        if self.is_cut() {
            return Poll::Ready(self.fail(Reason::Ejected));
        }
        if self.conversation.deadline.is_over(cx) && self.next_period()? {
            return Poll::Ready(Ok(Step::Stalls));
        }
        if let Poll::Ready(step) = self.poll_upload(cx) {
            return Poll::Ready(step);
        }
        self.poll_answer(cx)
    }

    /// True when the worker has answered, and well.
    pub(super) fn is_answered(&self) -> bool {
        self.answer
            .as_ref()
            .is_some_and(|answer| answer.status == 200)
    }

    /// Waits for a slot, no longer than `time`.
    pub(super) fn wait_for_slot(&mut self, time: Duration) {
        self.pace.wait();
        self.conversation.deadline.set(time);
    }

    /// It has a slot again.
    pub(super) fn go_on(&mut self) {
        self.pace.go_on();
        self.begin_period();
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
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, Failure>> {
        loop {
            if self.pace.is_paused() && self.is_held() {
                return Poll::Ready(Ok(Step::GoesOn));
            }
            if !self.deaf && self.is_unsent() && !self.is_held() {
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
            ready!(self.poll_turn(cx, self.request.body.is_large()));
            match ready!(self.poll_body(cx)) {
                Ok(0) => return Poll::Ready(self.fail(Reason::ClientLeft)),
                Ok(_) => {}
                Err(reason) => return Poll::Ready(self.fail(reason)),
            }
        }
    }

    fn is_unsent(&self) -> bool {
        (self.written as usize) < self.request.first.len() || !self.to_worker.is_empty()
    }

    /// True while the end of the body must wait: without it a worker does nothing.
    fn is_held(&self) -> bool {
        !self.pace.has_slot()
            && self.answer.is_none()
            && self.request.body.is_whole()
            && self.is_unsent()
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let first = &self.request.first[self.written as usize..];
        if first.is_empty() {
            return self.to_worker.poll_flush(cx, &mut self.worker);
        }
        let count = ready!(self.worker.poll_write(cx, first))?;
        // A head and a body that is kept are far smaller.
        self.written += count as u32;
        Poll::Ready(Ok(()))
    }

    /// Once the request is whole, the time for the answer begins.
    fn note_sent(&mut self) {
        if self.request.is_streamed
            && self.request.body.is_whole()
            && !self.is_unsent()
            && self.answer.is_none()
        {
            self.wait_for_answer();
        }
    }

    /// Reads a piece of the request's body and passes it on; 0 when the client has left.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Reason>> {
        let holds = !self.pace.has_slot() && self.answer.is_none();
        let Self {
            conversation,
            request,
            worker,
            to_worker,
            pace,
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
            pace.count(used);
            let is_kept = request.remember(&input[..used]);
            match holds && request.body.is_whole() {
                _ if is_kept => {}
                true => to_worker.keep(&input[..used]),
                false => *wide = to_worker.send(cx, worker, &input[..used]),
            }
            Poll::Ready(Ok(count))
        })
    }

    /// Ready at once while the body is small: each further piece of a large one waits for its turn.
    fn poll_turn(&mut self, cx: &Context<'_>, is_large: bool) -> Poll<()> {
        match is_large {
            true => self.core.turns.poll(cx, &mut self.place),
            false => Poll::Ready(()),
        }
    }

    /// Worker to client, until the answer is whole.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, Failure>> {
        loop {
            let is_large = self.answer.as_ref().is_some_and(Answer::is_large);
            ready!(self.poll_turn(cx, is_large));
            if !self.to_client.is_empty() {
                let client = &mut self.conversation.client;
                match self.to_client.poll_flush(cx, client) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => return Poll::Ready(self.fail(Reason::ClientLeft)),
                    Poll::Pending if self.answer.is_some() => {
                        self.wait_for_client();
                        return Poll::Pending;
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            let step = match &self.answer {
                None => ready!(self.poll_head(cx)),
                Some(answer) if answer.body.is_whole() || answer.switched() => {
                    return Poll::Ready(Ok(Step::Done));
                }
                Some(_) => ready!(self.poll_answer_body(cx)),
            };
            match step {
                Ok(true) => {}
                Ok(false) => return Poll::Ready(Ok(Step::Done)),
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
            self.pace.count(out.len());
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
        self.begin_period();
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
            self.pace.count(count);
            self.wide = if changes {
                with_output(|out| {
                    answer.take_body(&input[..count], &mut self.request.lesson, out)?;
                    Ok(self.to_client.send(cx, client, out))
                })?
            } else {
                let used = answer.advance(&input[..count], &mut self.request.lesson, |_| ())?;
                self.to_client.send(cx, client, &input[..used])
            };
            Poll::Ready(Ok(true))
        })
    }

    /// The time is up: goes on if the bodies have moved enough, else names who was too slow. True when the client is
    /// seen to be what it waits for.
    fn next_period(&mut self) -> Result<bool, Failure> {
        if self.pace.is_watched() {
            return Ok(self.look());
        }
        if self.pace.waits() && self.answer.is_none() {
            return self.fail(Reason::Busy);
        }
        let uploads = self.uploads() && self.to_worker.is_empty();
        let client_is_slow = uploads || !self.to_client.is_empty();
        let waits_for_head = self.answer.is_none() && !uploads;
        if waits_for_head || self.pace.crawls(client_is_slow) {
            return self.fail(match client_is_slow {
                true => Reason::SlowClient,
                false => Reason::Timeout,
            });
        }
        self.begin_period();
        Ok(false)
    }

    /// The client was watched for a while: true when it is what the exchange waits for.
    fn look(&mut self) -> bool {
        let reads = self.answer.is_none() || self.to_client.is_empty();
        let stalls = self.uploads() || !reads;
        let idle = self.request.plan.body_idle;
        self.pace.look(stalls, &self.conversation.deadline, idle);
        stalls
    }

    /// True while the client is to send more of its body.
    fn uploads(&self) -> bool {
        !self.request.body.is_whole() && !self.deaf
    }

    fn begin_period(&mut self) {
        let idle = self.request.plan.body_idle;
        self.pace.begin(&self.conversation.deadline, idle);
    }

    /// The client is to send more, or to read: it is watched.
    fn wait_for_client(&mut self) {
        let idle = self.request.plan.body_idle;
        self.pace.watch(&self.conversation.deadline, idle);
    }

    /// The request is whole: its time is the answer's.
    fn wait_for_answer(&mut self) {
        if self.pace.is_watched() {
            self.pace.go_on();
        }
        self.conversation.deadline.set(self.request.plan.deadline);
    }

    fn fail<T>(&self, reason: Reason) -> Result<T, Failure> {
        Err(self.failure(reason))
    }

    pub(super) fn failure(&self, reason: Reason) -> Failure {
        Failure {
            reason,
            sent: self.written > 0,
        }
    }
}
