//! An HTTP/2 connection: each of its requests becomes a conversation of its own, on this thread.

use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use h2::{Ping, PingPong, Reason, server};
use hyper::body::Bytes;
use tokio::task::{spawn_local, yield_now};

use super::{Core, Peer, carrier::Carrier, conversation::talk};
use crate::{
    http2::{Exchange, Ledger},
    lifecycle::Deadline,
    net::Stream,
};

/// Requests of one client at a time; an app has ten, a browser with many tabs some dozens.
const STREAMS: u32 = 128;

/// The fields of a request, counted as HTTP/2 does, may have so many bytes; the codec counts again as HTTP/1.1.
const HEAD: u32 = 16 * 1024;

/// So much of one body a client may send before it is read, and of all bodies together.
const WINDOW: u32 = 256 * 1024;
const WINDOWS: u32 = 1024 * 1024;

/// So much of one answer is kept while the client's socket takes no more.
const SEND: usize = 64 * 1024;

/// While requests run, a client that is silent for so long is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(60);

/// And has so long to say so.
const PONG: Duration = Duration::from_secs(20);

/// After our goodbye, the time in which requests that were on their way come in.
const GOODBYE: Duration = Duration::from_secs(5);

/// What the deadline of the connection stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No request has come yet.
    New,
    /// No request runs.
    Idle,
    Busy,
    /// It was asked whether it is there.
    Asked,
    /// We have said goodbye.
    Leaving,
}

struct Connection<'a> {
    core: &'a Rc<Core>,
    peer: &'a Peer,
    deadline: &'a Deadline,
    carrier: Carrier<'a>,
    h2: server::Connection<Carrier<'a>, Bytes>,
    pings: Option<PingPong>,
    ledger: Arc<Ledger>,
    phase: Phase,
    /// It waits for other requests of this turn.
    gathers: bool,
}

/// Serves the requests of a connection, until it ends and all of them have.
pub(super) async fn serve<'a>(
    core: &'a Rc<Core>,
    carrier: Carrier<'a>,
    peer: &'a Peer,
    deadline: &'a Deadline,
) {
    let Some(mut h2) = shake_hands(&carrier, deadline).await else {
        return;
    };
    let ledger = Arc::new(Ledger::new(&core.metrics.http2));
    let mut connection = Connection {
        core,
        peer,
        deadline,
        carrier,
        pings: h2.ping_pong(),
        h2,
        ledger: ledger.clone(),
        phase: Phase::New,
        gathers: false,
    };
    poll_fn(|cx| connection.poll(cx)).await;
    // Those that run hear of it, and are recorded.
    drop(connection);
    poll_fn(|cx| match ledger.is_busy(cx) {
        true => Poll::Pending,
        false => Poll::Ready(()),
    })
    .await;
}

/// Exchanges the first frames, within the time for a head.
async fn shake_hands<'a>(
    carrier: &Carrier<'a>,
    deadline: &Deadline,
) -> Option<server::Connection<Carrier<'a>, Bytes>> {
    let mut handshake = server::Builder::new()
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOWS)
        .max_send_buffer_size(SEND)
        .handshake(carrier.other_end());
    poll_fn(|cx| {
        let connection = Pin::new(&mut handshake).poll(cx);
        let sent = carrier.poll_send(cx);
        match connection {
            Poll::Ready(connection) => Poll::Ready(connection.ok()),
            Poll::Pending if deadline.is_over(cx) || is_broken(&sent) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

impl Connection<'_> {
    /// Runs to the connection's end.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.gather(cx) {
            return Poll::Pending;
        }
        let end = self.go_on(cx);
        match self.carrier.poll_send(cx) {
            sent if is_broken(&sent) => Poll::Ready(()),
            _ => end,
        }
    }

    /// Takes what came and gathers what goes.
    fn go_on(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.note(cx);
            if self.deadline.is_over(cx) && !self.is_alive(cx) {
                return Poll::Ready(());
            }
            match self.h2.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    self.start(Exchange::new(request, respond, &self.ledger));
                }
                Poll::Ready(Some(Err(fault))) if is_flood(&fault) => {
                    self.note_flood();
                    return Poll::Ready(());
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending if self.ledger.is_flooded() && self.phase != Phase::Leaving => {
                    self.note_flood();
                    self.leave(Some(Reason::ENHANCE_YOUR_CALM));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Lets others write first, when there are any: all answers that workers have sent by then go out in one piece, and
    /// clients whose answers come together ask together. True for one turn of the runtime, a look at its sockets.
    fn gather(&mut self, cx: &mut Context<'_>) -> bool {
        self.gathers = !self.gathers && self.ledger.has_several();
        if self.gathers {
            // Its first poll is what brings us back.
            let _ = pin!(yield_now()).poll(cx);
        }
        self.gathers
    }

    /// Follows from one phase into the next.
    fn note(&mut self, cx: &mut Context<'_>) {
        let busy = self.ledger.is_busy(cx);
        match (self.phase, busy) {
            (Phase::New | Phase::Idle, true) => self.enter(Phase::Busy, SILENCE),
            (Phase::Busy | Phase::Asked, false) => {
                self.enter(Phase::Idle, self.core.state().limits.client_idle);
            }
            (Phase::Asked, true) if self.is_there(cx) => self.enter(Phase::Busy, SILENCE),
            _ => {}
        }
    }

    /// The time is up, or we stop; false when nothing is left to wait for.
    fn is_alive(&mut self, cx: &mut Context<'_>) -> bool {
        match self.phase {
            _ if self.deadline.is_last() && self.phase != Phase::Leaving => self.leave(None),
            Phase::Busy => match self.ask(cx) {
                true => self.enter(Phase::Asked, PONG),
                false => return false,
            },
            Phase::Idle | Phase::New => self.leave(None),
            Phase::Asked => return false,
            Phase::Leaving if !self.h2.has_streams() => return false,
            Phase::Leaving => self.deadline.set(GOODBYE),
        }
        true
    }

    /// Every phase but the last counts as idle: our own stop need not wait to say goodbye.
    fn enter(&mut self, phase: Phase, time: Duration) {
        self.phase = phase;
        self.deadline.set_idle(time);
    }

    /// Says goodbye: what runs may end; with a reason it may not.
    fn leave(&mut self, reason: Option<Reason>) {
        match reason {
            None => self.h2.graceful_shutdown(),
            Some(reason) => self.h2.abrupt_shutdown(reason),
        }
        self.phase = Phase::Leaving;
        self.deadline.set(GOODBYE);
    }

    fn note_flood(&self) {
        self.core.metrics.http2.floods.inc();
        tracing::debug!(client = %self.peer.address, "closed for a flood");
    }

    /// False when the last question is not answered yet.
    fn ask(&mut self, cx: &mut Context<'_>) -> bool {
        // An answer that nobody waited for any more stands in the way of the next question.
        self.is_there(cx);
        let pings = self.pings.as_mut();
        pings.is_some_and(|pings| pings.send_ping(Ping::opaque()).is_ok())
    }

    fn is_there(&mut self, cx: &mut Context<'_>) -> bool {
        let pings = self.pings.as_mut();
        pings.is_some_and(|pings| matches!(pings.poll_pong(cx), Poll::Ready(Ok(_))))
    }

    /// Has a request served; when we stop it is the connection's last.
    fn start(&mut self, exchange: Exchange) {
        let client = Stream::Http2(Box::new(exchange));
        let (core, peer) = (self.core.clone(), self.peer.clone());
        spawn_local(talk(core, client, peer, self.deadline.again(), ()));
        if self.deadline.is_last() && self.phase != Phase::Leaving {
            self.leave(None);
        }
    }
}

fn is_broken(sent: &Poll<io::Result<()>>) -> bool {
    matches!(sent, Poll::Ready(Err(_)))
}

/// True for what `h2` itself ends a connection for, not the client.
fn is_flood(fault: &h2::Error) -> bool {
    fault.is_library() && fault.reason() == Some(Reason::ENHANCE_YOUR_CALM)
}
