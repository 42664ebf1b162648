//! Decide: what is asked, who asks, which pools. No await, no socket, no clock, no allocation.

use std::net::IpAddr;

use crate::{
    http1::Request,
    matrix::{Call, Caller, Key, Method, classify},
    route::{Plan, State},
};

use super::{Own, Peer};

/// What is decided about one request, and what it was decided from.
#[derive(Debug)]
pub struct Decision<'b> {
    /// The client's address.
    pub client: IpAddr,
    /// The method, as routing sees it.
    pub method: Method,
    /// What is asked.
    pub call: Call<'b>,
    /// Who seems to ask.
    pub caller: Caller<'b>,
    /// The caller's token would place the request, and nobody was asked yet whose it is.
    pub unasked: bool,
    /// Which pools, which key, which limits.
    pub plan: Plan,
    /// What is answered without a worker.
    pub own: Option<Own>,
}

/// Decides about one request.
pub fn decide<'b>(state: &State, request: &Request<'_, 'b>, peer: &Peer) -> Decision<'b> {
    let client = peer.client(request);
    let method = Method::from_bytes(request.method.as_bytes());
    let call = classify(state.synapse.release(), method, request.target);
    let mut caller = Caller::new(request.authorization, call.query);
    state.appservices.recognise(&mut caller, call.query);
    let unasked = state.tokens.recognise(&mut caller);
    let key = Key::new(&call, &caller, client);
    let plan = Plan::new(method, &call, &key, &state.limits);
    let own = peer.door.answer(request, method, &call, client);
    Decision {
        client,
        method,
        call,
        caller,
        unasked: unasked && matches!(key, Key::Token(_)),
        plan,
        own,
    }
}
