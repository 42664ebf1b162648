//! Act: lease a worker, exchange, and move to the next candidate where that is safe.

use std::{future::poll_fn, io};

use tokio::time::{Instant, timeout};

use super::{
    Core, Own, abandoned,
    answer::Answer,
    callers,
    conversation::Conversation,
    exchange::{Exchange, Failure, Step},
    files,
    incoming::Incoming,
    respond::{self, Told},
    tunnel::Tunnel,
    waiting,
};
use crate::{
    http1::Body,
    net::Stream,
    pool::{Lease, Tried, Worker},
    telemetry::{Reason, Record},
};

/// What the conversation does after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Reads the next request.
    Request,
    /// Ends its side, and lets the client read what was answered.
    Linger,
    /// Closes at once.
    Close,
}

/// Has the request answered.
pub(super) async fn act(
    core: &Core,
    conversation: &mut Conversation,
    request: &mut Incoming,
) -> Next {
    if let Some(question) = request.question.take() {
        Box::pin(callers::ask(core, &conversation.peer, request, *question)).await;
    }
    let mut tried = Tried::default();
    let mut reason = match request.own {
        Some(Own::Refused(reason)) => reason,
        Some(Own::Limited(_)) => Reason::RateLimited,
        Some(Own::Files) => return Box::pin(files::answer(core, conversation, request)).await,
        Some(own) => return answer(core, conversation, request, own).await,
        None => Reason::NoWorker,
    };
    let (mut last, mut waits) = (None, None);
    while request.own.is_none() {
        let leased = waiting::lease(core, request, &tried);
        let mut lease = match leased {
            Ok(lease) => lease,
            Err(busy) => {
                let since = *waits.get_or_insert_with(Instant::now);
                tried = Tried::default();
                match Box::pin(waiting::wait(core, conversation, request, busy, since)).await {
                    Ok(lease) => lease,
                    Err(Reason::ClientLeft) => {
                        let worker = last.as_deref();
                        let why = Reason::ClientLeft;
                        return finish(core, conversation, request, worker, None, why);
                    }
                    // That the last worker failed tells more.
                    Err(Reason::NoWorker) => break,
                    Err(why) => {
                        reason = why;
                        break;
                    }
                }
            }
        };
        let (answer, result) = attempt(core, conversation, request, &mut lease).await;
        let Err(failure) = result else {
            return finish(
                core,
                conversation,
                request,
                Some(&lease),
                answer,
                Reason::Ok,
            );
        };
        reason = failure.reason;
        if reason.blames_worker() {
            lease.count_failed(reason == Reason::Connect);
        }
        if answer.is_some() || reason == Reason::ClientLeft {
            return finish(core, conversation, request, Some(&lease), answer, reason);
        }
        tried.add(lease.id);
        let worker = last.insert(lease.release());
        if !may_move(request, failure) || (failure.sent && !is_in_budget(core, worker)) {
            break;
        }
        core.metrics.moved.inc();
    }
    refuse(core, conversation, request, last.as_deref(), reason).await
}

/// A request moves to the next worker when it never reached the first, or got no byte back and may be repeated.
fn may_move(request: &Incoming, failure: Failure) -> bool {
    match failure.reason {
        Reason::Connect => true,
        Reason::Closed | Reason::Ejected => !failure.sent || request.is_repeatable(),
        _ => false,
    }
}

/// What a worker may have worked on is sent again within the budget of its pool: a storm must not feed itself.
fn is_in_budget(core: &Core, worker: &Worker) -> bool {
    let state = core.state();
    let pool = state.pool(&worker.pool);
    let is_in_budget = pool.is_none_or(|pool| pool.may_repeat(Instant::now()));
    if !is_in_budget {
        core.metrics.unmoved.inc();
    }
    is_in_budget
}

/// One worker's try: on an idle connection, and on a fresh one when that was closed under us. The slot is given back
/// while the client is what it waits for.
async fn attempt(
    core: &Core,
    conversation: &mut Conversation,
    request: &mut Incoming,
    lease: &mut Lease,
) -> (Option<Answer>, Result<(), Failure>) {
    let mut reused = true;
    loop {
        let idle = if reused {
            idle(core, request, lease)
        } else {
            None
        };
        reused = idle.is_some();
        let worker = match idle {
            Some(worker) => worker,
            None => match Box::pin(connect(core, lease)).await {
                Ok(worker) => worker,
                Err(failure) => return (None, Err(failure)),
            },
        };
        conversation.deadline.hold(lease.id.number());
        let mut exchange = Exchange::new(core, conversation, request, worker, lease.is_paused());
        let result = loop {
            let mut step = poll_fn(|cx| exchange.poll(cx)).await;
            if let Ok(Step::GoesOn) = step {
                step = Box::pin(waiting::resume(core, &mut exchange, lease)).await;
            }
            match step {
                Ok(Step::Stalls) => pause(&exchange, lease),
                Ok(Step::GoesOn) => {}
                Ok(Step::Done) => break Ok(()),
                Err(failure) => break Err(failure),
            }
        };
        let (mut answer, mut worker) = exchange.end();
        if let (Some(answer), Ok(())) = (answer.as_mut().filter(|a| a.switched()), &result) {
            let worker = worker.take();
            Box::pin(switch(conversation, request, worker, &mut answer.body)).await;
        }
        if answer.as_ref().is_some_and(|answer| answer.status == 200) {
            lease.note_answer();
        }
        match result {
            Err(failure)
                if reused && failure.reason == Reason::Closed && may_move(request, failure) => {}
            result => {
                match (&result, worker) {
                    (Ok(()), Some(worker)) => {
                        let now = core.deadlines.now();
                        core.connections.keep(lease.id, worker, now);
                    }
                    (Err(failure), Some(worker)) if failure.reason == Reason::ClientLeft => {
                        if let Some(lease) = lease.share() {
                            abandoned::hold(core, &request.plan, lease, worker);
                        }
                    }
                    _ => {}
                }
                return (answer, result);
            }
        }
    }
}

/// Gives the slot back; a first sync that is answered by then can be joined from now on for as long as Synapse keeps it.
fn pause(exchange: &Exchange<'_>, lease: &mut Lease) {
    if exchange.is_answered() {
        lease.note_answer();
    }
    lease.pause();
}

/// Passes on what follows an upgrade, until one side closes.
async fn switch(
    conversation: &mut Conversation,
    request: &mut Incoming,
    worker: Option<Stream>,
    down: &mut Body,
) {
    let (Some(worker), Some(mounted)) = (worker, &request.mounted) else {
        return;
    };
    let idle = mounted.mount.timeouts.upgraded;
    let tunnel = Tunnel::new(conversation, worker, (&mut request.body, down), idle);
    tunnel.run().await;
}

/// An idle connection; for a request that cannot be repeated the kernel is asked once more whether it is still open.
fn idle(core: &Core, request: &Incoming, lease: &Lease) -> Option<Stream> {
    std::iter::from_fn(|| core.connections.take(lease.id))
        .find(|worker| request.is_repeatable() || worker.is_open())
}

async fn connect(core: &Core, lease: &Lease) -> Result<Stream, Failure> {
    let limit = core.state().limits.connect;
    let failure = Failure {
        reason: Reason::Connect,
        sent: false,
    };
    match timeout(limit, Stream::connect(&lease.address, lease.tls.as_deref())).await {
        Ok(Ok(worker)) => Ok(worker),
        Ok(Err(error)) => {
            tracing::debug!(worker = &*lease.name, address = %lease.address, %error, "connect");
            Err(if is_full(&error) {
                Failure {
                    reason: Reason::Full,
                    ..failure
                }
            } else {
                failure
            })
        }
        Err(_) => {
            tracing::debug!(worker = &*lease.name, address = %lease.address, "connect timed out");
            Err(failure)
        }
    }
}

/// True when the process or the system has no file left for a socket, which is no worker's fault.
fn is_full(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

/// Ends a request that a worker has answered, whole or not, or whose client has left.
fn finish(
    core: &Core,
    conversation: &Conversation,
    request: &Incoming,
    worker: Option<&Worker>,
    answer: Option<Answer>,
    reason: Reason,
) -> Next {
    if let (Some(worker), Reason::Ok) = (worker, reason) {
        worker.count_served();
    }
    record(
        core,
        request,
        worker,
        answer.as_ref().map_or(0, |answer| answer.status),
        answer.as_ref(),
        reason,
    );
    match answer {
        Some(answer) if reason == Reason::Ok && !answer.close => Next::Request,
        Some(answer)
            if reason == Reason::Ok
                && (!request.body.is_whole()
                    || !conversation.ahead.is_empty()
                    || answer.body.ends_with_connection()) =>
        {
            Next::Linger
        }
        _ => Next::Close,
    }
}

/// Answers at the door.
async fn answer(
    core: &Core,
    conversation: &mut Conversation,
    request: &Incoming,
    own: Own,
) -> Next {
    let mut text = Vec::new();
    let close = closes(conversation, request);
    let door = conversation.peer.door.clone();
    let status = respond::write_own(&mut text, own, &door, request, close);
    send(conversation, request, &text).await;
    record(core, request, None, status, None, Reason::Ok);
    if close { Next::Linger } else { Next::Request }
}

/// Answers for the workers.
async fn refuse(
    core: &Core,
    conversation: &mut Conversation,
    request: &Incoming,
    worker: Option<&Worker>,
    reason: Reason,
) -> Next {
    let close = closes(conversation, request);
    let mut answer = Vec::new();
    let status = match &request.reply {
        Some(reply) => {
            respond::write_reply(&mut answer, reply, request.id(), request.to_head, close)
        }
        None => {
            let wait = match request.own {
                Some(Own::Limited(seconds)) => Some(seconds),
                _ => None,
            };
            let told = Told {
                reason,
                why: None,
                wait,
                id: request.id(),
            };
            respond::write(&mut answer, &told, request.to_head, close);
            respond::status(reason)
        }
    };
    send(conversation, request, &answer).await;
    record(core, request, worker, status, None, reason);
    if close { Next::Linger } else { Next::Request }
}

pub(super) fn closes(conversation: &Conversation, request: &Incoming) -> bool {
    !request.keep_alive || !request.body.is_whole() || conversation.deadline.is_last()
}

async fn send(conversation: &mut Conversation, request: &Incoming, answer: &[u8]) {
    conversation.deadline.set(request.plan.body_idle);
    conversation.send(answer).await;
}

/// Tells metrics and the access log how the request ended.
fn record(
    core: &Core,
    request: &Incoming,
    worker: Option<&Worker>,
    status: u16,
    answer: Option<&Answer>,
    reason: Reason,
) {
    let now = Instant::now();
    let (method, path) = request.asked();
    let record = Record {
        client: Some(request.client),
        id: request.id(),
        method,
        path,
        group: Some(request.plan.group),
        worker: worker.map(|worker| (&*worker.pool, &*worker.name)),
        status,
        reason,
        bytes_in: request.body.payload(),
        bytes_out: answer.map_or(0, Answer::payload),
        waited: answer.map_or(now, |answer| answer.at) - request.started,
        took: now - request.started,
    };
    core.metrics.count(&record);
    core.logger.write(&record);
}
