//! A request waits for a slot, or for a worker to come back: no longer than its group may, and while its client stays.

use std::{future::poll_fn, task::Poll};

use tokio::time::Instant;

use super::{
    Core,
    conversation::Conversation,
    exchange::{Exchange, Failure, Step},
    incoming::Incoming,
};
use crate::{
    matrix::Group,
    pool::{Busy, Lease, Told, Tried, Waiting},
    telemetry::Reason,
};

/// The slot of a request, if it need not wait. A first sync that runs already is joined.
pub(super) fn lease(core: &Core, request: &Incoming, tried: &Tried) -> Result<Lease, Busy> {
    let state = core.state();
    if request.plan.group != Group::InitialSync {
        return state.lease(&request.plan, tried);
    }
    let number = request.number(&state.first_syncs);
    if let Some(lease) = state.first_syncs.join(number, tried) {
        return Ok(lease);
    }
    let lease = state.lease(&request.plan, tried)?;
    Ok(state.first_syncs.enter(number, lease))
}

/// The slot that a request has waited for.
fn enter(core: &Core, request: &Incoming, lease: Lease) -> Lease {
    if request.plan.group != Group::InitialSync {
        return lease;
    }
    let state = core.state();
    let number = request.number(&state.first_syncs);
    state.first_syncs.enter(number, lease)
}

/// Waits from when the request first found no slot.
///
/// # Errors
/// Why it waits no longer.
pub(super) async fn wait(
    core: &Core,
    conversation: &mut Conversation,
    request: &Incoming,
    mut busy: Busy,
    since: Instant,
) -> Result<Lease, Reason> {
    let caller = request.asker(&core.state(), &conversation.peer);
    loop {
        let mut waiting = line_up(core, request, &busy, caller)?;
        if let Busy::NoWorker = busy {
            // One may have come back before we listened.
            match lease(core, request, &Tried::WARY) {
                Ok(lease) => return Ok(lease),
                Err(Busy::NoWorker) => {}
                Err(full) => {
                    busy = full;
                    continue;
                }
            }
        }
        let limit = core.state().limits.wait(request.plan.group);
        let left = limit.saturating_sub(since.elapsed());
        let told = conversation.wait(left, request, |cx| waiting.poll(cx));
        match told.await? {
            None => return Err(reason(&busy)),
            Some(Told::Lease(lease)) => return Ok(enter(core, request, lease)),
            Some(Told::Refused) => return Err(Reason::QueueFull),
            Some(Told::Again) => match lease(core, request, &Tried::default()) {
                Ok(lease) => return Ok(lease),
                Err(still) => busy = still,
            },
        }
    }
}

/// Has a paused request wait for its slot again, in turn with all others. The exchange goes on meanwhile: an early
/// answer passes, and its client may leave.
///
/// # Errors
/// Why the exchange ended meanwhile.
pub(super) async fn resume(
    core: &Core,
    exchange: &mut Exchange<'_>,
    lease: &mut Lease,
) -> Result<Step, Failure> {
    let caller = exchange
        .request
        .asker(&core.state(), &exchange.conversation.peer);
    let since = Instant::now();
    while lease.is_paused() {
        let again = core.state().resume(&exchange.request.plan, lease);
        let busy = match again {
            Ok(again) => {
                *lease = enter(core, exchange.request, again);
                break;
            }
            Err(busy) => busy,
        };
        let mut waiting = line_up(core, exchange.request, &busy, caller)
            .map_err(|reason| exchange.failure(reason))?;
        let limit = core.state().limits.wait(exchange.request.plan.group);
        exchange.wait_for_slot(limit.saturating_sub(since.elapsed()));
        let told = poll_fn(|cx| match waiting.poll(cx) {
            Poll::Ready(told) => Poll::Ready(Ok(told)),
            Poll::Pending => exchange.poll(cx).map(Err),
        });
        match told.await {
            Ok(Told::Lease(again)) => *lease = enter(core, exchange.request, again),
            Ok(Told::Refused) => return Err(exchange.failure(Reason::QueueFull)),
            Ok(Told::Again) => {}
            Err(ended) => return ended,
        }
    }
    exchange.go_on();
    Ok(Step::GoesOn)
}

fn line_up(core: &Core, request: &Incoming, busy: &Busy, caller: u64) -> Result<Waiting, Reason> {
    let waiting = match busy {
        Busy::Full(full) => full.line_up(request.plan.want(), caller),
        Busy::NoWorker if core.state().chain(&request.plan).next().is_none() => {
            return Err(Reason::NoWorker);
        }
        Busy::NoWorker => core.state().wait_for_worker(&request.plan, caller),
    };
    waiting.ok_or(Reason::QueueFull)
}

fn reason(busy: &Busy) -> Reason {
    match busy {
        Busy::NoWorker => Reason::NoWorker,
        Busy::Full(_) => Reason::Busy,
    }
}
