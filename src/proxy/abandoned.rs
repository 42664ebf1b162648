//! First syncs whose client has left. Synapse goes on with them, and the client's next try gets the result: so the slot
//! is held until the worker answers.

use std::{
    future::poll_fn,
    task::{Poll, ready},
};

use super::Core;
use crate::{http1::with_input, lifecycle::Deadline, net::Stream, pool::Lease, route::Plan};

/// What an answer begins with when Synapse keeps it for the next try.
const OK: &[u8] = b"HTTP/1.1 200";

/// Holds the slot of a first sync that `worker` works on: until it answers, a retry joins, or its time is over.
pub(super) fn hold(core: &Core, plan: &Plan, lease: Lease, worker: Stream) {
    let deadline = core.deadlines.alone();
    deadline.set(plan.deadline);
    deadline.hold(lease.id.number());
    tokio::task::spawn_local(async move {
        tokio::select! {
            () = lease.until_joined() => {}
            answered = answer(worker, &deadline) => {
                if answered {
                    lease.note_answer();
                }
            }
        }
    });
}

/// Waits for the first bytes of the answer, which come when it is whole at the worker: true when it will be kept. The
/// rest is not asked for.
async fn answer(mut worker: Stream, deadline: &Deadline) -> bool {
    poll_fn(|cx| {
        if deadline.cut().is_some() || deadline.is_over(cx) {
            return Poll::Ready(false);
        }
        with_input(|input| {
            let count = ready!(worker.poll_read(cx, input)).unwrap_or(0);
            Poll::Ready(input[..count].starts_with(OK))
        })
    })
    .await
}
