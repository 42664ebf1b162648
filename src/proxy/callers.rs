//! What a request's caller needs before a worker is chosen, and what an answer tells of callers.

use super::{Core, Decision, Peer, incoming::Incoming};
use crate::{
    http1::{Request, Response},
    identity::{Lesson, Question},
    matrix::Caller,
    route::State,
};

/// The question that a decision leaves open: whose token it is, where that would choose the worker.
pub(super) fn question(
    state: &State,
    decision: &Decision<'_, '_>,
    request: &Request<'_, '_>,
) -> Option<Box<Question>> {
    let Caller::Token(token) = decision.caller else {
        return None;
    };
    let decides = || state.policy.rules.ask_who() || state.is_shared_out(&decision.plan);
    (decision.unasked && decides()).then(|| {
        let agent = request.field("user-agent");
        Box::new(Question::new(&token, decision.client, agent))
    })
}

/// Waits for the answer to a request's question, no longer than its budget, and decides again.
pub(super) async fn ask(core: &Core, peer: &Peer, request: &mut Incoming, question: Question) {
    core.whoami.ask(question).await;
    request.decide_again(&core.state(), peer);
}

/// What the answer to a request can teach.
pub(super) fn lesson(state: &State, decision: &Decision<'_, '_>) -> Option<Box<Lesson>> {
    let Decision {
        method,
        call,
        caller,
        ..
    } = decision;
    Lesson::new(&state.tokens, *method, call, caller)
}

/// True for an answer that can be read as it passes: JSON, not compressed, and a success.
pub(super) fn teaches(response: &Response<'_, '_>) -> bool {
    let is_json = |value: &[u8]| {
        let kind = value.split(|&byte| byte == b';').next().unwrap_or(value);
        kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
    };
    response.status == 200
        && response.field("content-type").is_some_and(is_json)
        && response.field("content-encoding").is_none()
}

/// Listens to a piece of an answer; what is too long teaches nothing.
pub(super) fn hear(lesson: &mut Option<Box<Lesson>>, piece: &[u8]) {
    if lesson.as_mut().is_some_and(|lesson| !lesson.hear(piece)) {
        *lesson = None;
    }
}
