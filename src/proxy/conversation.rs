//! The HTTP/1.1 conversation with one client: requests in order, until someone closes. A request of HTTP/2 is one of
//! its own.

use std::{
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use super::{
    Core, Peer,
    act::{Next, act},
    carrier::Carrier,
    incoming::{Incoming, receive},
    multiplex,
    respond::{self, Refusal, Told},
};
use crate::{
    http1::{RequestFault, with_input},
    http2::PREFACE,
    lifecycle::Deadline,
    net::Stream,
    telemetry::Reason,
};

/// What a client sends while its request runs is kept up to here, then left in the socket.
const AHEAD: usize = 64 * 1024;

/// So long the body of a sliding sync may take to tell where it goes; then it counts as one that resumes.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a client still sends after a final answer is read and dropped for so long, so that it gets to read the answer.
const LINGER: Duration = Duration::from_secs(2);

/// A client's connection and what was read from it too early.
pub(super) struct Conversation {
    pub(super) client: Stream,
    pub(super) peer: Peer,
    pub(super) deadline: Deadline,
    /// Bytes behind the current request.
    pub(super) ahead: Vec<u8>,
}

/// What came from the client next.
enum Came {
    /// A request, which stands in its slot.
    Request,
    Refused(Refusal),
    /// The start of HTTP/2.
    Preface,
    /// It closed, or was silent for too long.
    Nothing,
}

/// Talks with a client until one of us closes; `open` is dropped then.
pub fn converse<O>(
    core: Rc<Core>,
    client: Stream,
    peer: Peer,
    listener: u16,
    open: O,
) -> impl Future<Output = ()> + use<O> {
    let deadline = core.deadlines.add(listener);
    talk(core, client, peer, deadline, open)
}

/// As [`converse`], with a deadline of its own.
///
/// Not an `async fn`: that keeps its arguments twice, and every parked request would pay for it.
pub(super) fn talk<O>(
    core: Rc<Core>,
    client: Stream,
    peer: Peer,
    deadline: Deadline,
    open: O,
) -> impl Future<Output = ()> + use<O> {
    let mut conversation = Conversation {
        client,
        peer,
        deadline,
        ahead: Vec::new(),
    };
    async move {
        conversation.run(&core).await;
        drop(open);
    }
}

/// Tells a client that there is no room; `open` is dropped when it has read that, or soon.
pub async fn turn_away<O>(core: Rc<Core>, client: Stream, peer: Peer, listener: u16, open: O) {
    let mut conversation = Conversation {
        client,
        peer,
        deadline: core.deadlines.add(listener),
        ahead: Vec::new(),
    };
    conversation.refuse(&core, Refusal::new(Reason::Full)).await;
    conversation.linger().await;
    drop(open);
}

impl Conversation {
    async fn run(&mut self, core: &Rc<Core>) {
        let mut idle = core.state().limits.head;
        let mut is_first = true;
        // One place for every request of the conversation: moved through futures it would stand in each of them.
        let mut slot = None;
        loop {
            let came = self.next(core, idle, &mut slot).await;
            let next = match (came, &mut slot) {
                (Came::Request, Some(request)) => {
                    if request.is_polled() {
                        Box::pin(self.poll_body(core, request)).await;
                    }
                    act(core, self, request).await
                }
                (Came::Refused(refusal), _) => self.refuse(core, refusal).await,
                (Came::Preface, _) if is_first => {
                    Box::pin(self.multiplex(core)).await;
                    Next::Linger
                }
                (Came::Preface, _) => {
                    let fault = RequestFault::Version;
                    self.refuse(core, fault.into()).await
                }
                _ => return,
            };
            slot = None;
            is_first = false;
            match next {
                Next::Request => idle = core.state().limits.client_idle,
                Next::Linger => return self.linger().await,
                Next::Close => return,
            }
        }
    }

    /// Goes on with HTTP/2.
    async fn multiplex(&mut self, core: &Rc<Core>) {
        let carrier = Carrier::new(&mut self.client, &mut self.ahead);
        multiplex::serve(core, carrier, &self.peer, &self.deadline).await;
    }

    /// Waits for the next request, `idle` for its first byte.
    async fn next(&mut self, core: &Core, idle: Duration, slot: &mut Option<Incoming>) -> Came {
        self.deadline.set_idle(idle);
        if !self.ahead.is_empty() {
            self.deadline.set(core.state().limits.head);
            let ahead = std::mem::take(&mut self.ahead);
            if let Some(came) = self.read(core, &ahead, slot) {
                return came;
            }
        }
        let mut begun = None;
        poll_fn(|cx| {
            loop {
                if self.deadline.is_over(cx) && !self.came_in_time(core) {
                    return Poll::Ready(self.too_late());
                }
                let came = with_input(|input| match self.client.poll_read(cx, input) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(Ok(count @ 1..)) => {
                        Poll::Ready(self.take(core, &input[..count], slot))
                    }
                    Poll::Ready(_) => Poll::Ready(Some(Came::Nothing)),
                });
                match came {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(came)) => return Poll::Ready(came),
                    Poll::Ready(None) if begun.is_some() => {}
                    Poll::Ready(None) => match core.heads.begin() {
                        Some(head) => begun = Some(head),
                        None => return Poll::Ready(Came::Refused(Refusal::new(Reason::Full))),
                    },
                }
            }
        })
        .await
    }

    /// True for an idle connection whose next request has come already: it is read before we close.
    fn came_in_time(&self, core: &Core) -> bool {
        let came = self.ahead.is_empty() && self.client.has_waiting();
        if came {
            self.deadline.set(core.state().limits.head);
        }
        came
    }

    /// Reads on until the body has told where its request goes, or too little of it comes.
    async fn poll_body(&mut self, core: &Core, request: &mut Incoming) {
        self.deadline.set(PATIENCE);
        poll_fn(|cx| {
            while request.is_polled() && !self.deadline.is_over(cx) {
                let more = with_input(|input| {
                    let count = ready!(self.client.poll_read(cx, input)).unwrap_or(0);
                    let used = request.poll(&input[..count]);
                    self.ahead.extend_from_slice(&input[used..count]);
                    Poll::Ready(count > 0)
                });
                if !ready!(more) {
                    break;
                }
            }
            Poll::Ready(())
        })
        .await;
        if request.own.is_none() {
            request.decide_again(&core.state(), &self.peer);
        }
    }

    /// Takes bytes just read: alone when they are the first of a head, else behind the others.
    fn take(&mut self, core: &Core, bytes: &[u8], slot: &mut Option<Incoming>) -> Option<Came> {
        if self.ahead.is_empty() {
            let came = self.read(core, bytes, slot);
            if came.is_none() {
                self.deadline.set(core.state().limits.head);
            }
            return came;
        }
        let mut whole = std::mem::take(&mut self.ahead);
        whole.extend_from_slice(bytes);
        self.read(core, &whole, slot)
    }

    /// Reads a head from `bytes` into its slot; none when it is not whole yet, and `ahead` keeps what is there.
    fn read(&mut self, core: &Core, bytes: &[u8], slot: &mut Option<Incoming>) -> Option<Came> {
        match receive(core, &self.peer, bytes) {
            Ok((request, used)) => {
                self.ahead.extend_from_slice(&bytes[used..]);
                *slot = Some(request);
                Some(Came::Request)
            }
            Err(Refusal {
                fault: Some(RequestFault::Partial),
                ..
            }) => {
                self.ahead.extend_from_slice(bytes);
                None
            }
            Err(refusal) if self.is_preface(&refusal, bytes) => {
                self.ahead.extend_from_slice(bytes);
                Some(Came::Preface)
            }
            Err(refusal) => Some(Came::Refused(refusal)),
        }
    }

    /// True for the preface, or for what HTTP/2 refuses in its own way.
    fn is_preface(&self, refusal: &Refusal, bytes: &[u8]) -> bool {
        let is_known = || bytes.iter().zip(PREFACE).all(|(one, other)| one == other);
        refusal.fault == Some(RequestFault::Version)
            && self.peer.door.http2
            && (is_known() || is_no_http1(bytes))
    }

    fn too_late(&self) -> Came {
        match self.ahead.is_empty() {
            true => Came::Nothing,
            false => Came::Refused(Refusal::new(Reason::SlowClient)),
        }
    }

    async fn refuse(&mut self, core: &Core, refusal: Refusal) -> Next {
        let id = core.ids.make();
        refusal.record(core, &self.peer, id.as_str());
        let mut answer = Vec::new();
        let told = Told {
            reason: refusal.reason,
            why: refusal.why(),
            wait: None,
            id: id.as_str(),
        };
        respond::write(&mut answer, &told, false, true);
        self.deadline.set(LINGER);
        self.send(&answer).await;
        Next::Linger
    }

    /// Waits until `ready` is, no longer than for `time`: none then. An error when the client leaves meanwhile, which
    /// shows once its request is whole.
    pub(super) async fn wait<T>(
        &mut self,
        time: Duration,
        request: &Incoming,
        mut ready: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Result<Option<T>, Reason> {
        self.deadline.set(time);
        poll_fn(|cx| {
            if request.body.is_whole() && self.poll_left(cx).is_ready() {
                return Poll::Ready(Err(Reason::ClientLeft));
            }
            if let Poll::Ready(ready) = ready(cx) {
                return Poll::Ready(Ok(Some(ready)));
            }
            match self.deadline.is_over(cx) {
                true => Poll::Ready(Ok(None)),
                false => Poll::Pending,
            }
        })
        .await
    }

    /// Ready when the client has left; what it sends ahead is kept.
    pub(super) fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.ahead.len() < AHEAD {
            let count = with_input(|input| {
                let read = ready!(self.client.poll_read(cx, input));
                let count = read.unwrap_or(0);
                self.ahead.extend_from_slice(&input[..count]);
                Poll::Ready(count)
            });
            if ready!(count) == 0 {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Sends an answer of our own; false when the client does not take it, which is not worth an error.
    pub(super) async fn send(&mut self, answer: &[u8]) -> bool {
        let mut sent = 0;
        poll_fn(|cx| {
            while sent < answer.len() && !self.deadline.is_over(cx) {
                match self.client.poll_write(cx, &answer[sent..]) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(count)) => sent += count,
                    Poll::Ready(Err(_)) => break,
                }
            }
            Poll::Ready(sent == answer.len())
        })
        .await
    }

    /// Ends our side and reads on for a while: a reset would take the answer away from the client.
    async fn linger(&mut self) {
        self.deadline.set(LINGER);
        poll_fn(|cx| {
            if self.client.poll_shutdown(cx).is_pending() {
                return Poll::Pending;
            }
            loop {
                if self.deadline.is_over(cx) {
                    return Poll::Ready(());
                }
                match with_input(|input| self.client.poll_read(cx, input)) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(_) => return Poll::Ready(()),
                }
            }
        })
        .await;
    }
}

/// True for a first line that names neither a path nor a protocol, and is no PROXY header either.
fn is_no_http1(bytes: &[u8]) -> bool {
    let line = bytes.split(|&byte| byte == b'\n').next();
    line.is_some_and(|line| !line.contains(&b'/') && !line.starts_with(b"PROXY "))
}
