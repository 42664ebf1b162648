//! Decide: what is asked, who asks, which pools. No await, no socket, no clock, no allocation.

use std::{net::IpAddr, sync::Arc};

use crate::{
    http1::Request,
    matrix::{Call, Caller, Key, Method, Reach, classify},
    route::{Place, Plan, Reply, Rule, Seen, State},
};

use super::{Own, Peer};

/// What is decided about one request, and what it was decided from.
#[derive(Debug)]
pub struct Decision<'s, 'b> {
    /// The client's address.
    pub client: IpAddr,
    /// The method, as routing sees it.
    pub method: Method,
    /// What is asked.
    pub call: Call<'b>,
    /// Who seems to ask.
    pub caller: Caller<'b>,
    /// The caller's token would place the request, or a rule asks who it is, and nobody was asked yet.
    pub unasked: bool,
    /// Which pools, which key, which limits.
    pub plan: Plan,
    /// What is answered without a worker.
    pub own: Option<Own>,
    /// The admin's rule that decided, where one did.
    pub rule: Option<&'s Rule>,
    /// The place of another service that the request belongs to.
    pub place: Option<&'s Place>,
}

impl<'b> Decision<'_, 'b> {
    /// What is decided when the body tells that it is a first poll.
    #[must_use]
    pub fn as_first<'s>(
        self,
        state: &'s State,
        request: &Request<'_, 'b>,
        peer: &Peer,
    ) -> Decision<'s, 'b> {
        let call = self.call.as_first();
        judge(
            state,
            request,
            peer,
            (self.client, call, self.caller),
            self.unasked,
            None,
        )
    }

    /// What a rule answers in the workers' place, unless the door answers.
    pub fn reply(&self) -> Option<&Arc<Reply>> {
        self.rule
            .filter(|_| self.own.is_none())
            .and_then(Rule::reply)
    }
}

/// Decides about one request.
pub fn decide<'s, 'b>(
    state: &'s State,
    request: &Request<'_, 'b>,
    peer: &Peer,
) -> Decision<'s, 'b> {
    let client = peer.client(request);
    let method = Method::from_bytes(request.method.as_bytes());
    let release = state.synapse.release();
    let mut call = classify(release, method, request.target);
    let place = place(state, request, peer, &call);
    if place.is_some() {
        call = call.as_mounted();
    }
    if call.row.mas {
        state.settle_mas(&mut call, client);
    }
    if call.is_unknown() && state.appservices.proxy(call.path()) {
        call = call.as_proxied(method, release);
    }
    let mut caller = Caller::new(request.authorization, call.query);
    state.appservices.recognise(&mut caller, call.query);
    let unasked = state.tokens.recognise(&mut caller);
    judge(state, request, peer, (client, call, caller), unasked, place)
}

/// The place of another service that takes the request: nothing that is never open, and no document of our own.
fn place<'s>(
    state: &'s State,
    request: &Request<'_, '_>,
    peer: &Peer,
    call: &Call<'_>,
) -> Option<&'s Place> {
    let mounts = &state.policy.mounts;
    if mounts.is_empty() {
        return None;
    }
    let place = mounts.find(request.host_name(), call.path())?;
    let is_ours = || peer.door.well_known.find(call.target).is_some();
    (call.reach != Reach::Nobody && !is_ours()).then_some(place)
}

/// From what is known of a request to what is done with it.
fn judge<'s, 'b>(
    state: &'s State,
    request: &Request<'_, 'b>,
    peer: &Peer,
    (client, call, caller): (IpAddr, Call<'b>, Caller<'b>),
    unasked: bool,
    place: Option<&'s Place>,
) -> Decision<'s, 'b> {
    let method = Method::from_bytes(request.method.as_bytes());
    let (plan, rule) = state.plan(&Seen {
        method,
        call: &call,
        caller: &caller,
        client,
        request,
        mount: place.map(|place| &*place.mount),
    });
    let own = peer.door.answer(request, method, &call, client);
    let files = || place.is_some_and(|place| place.mount.files().is_some()) && rule.is_none();
    let own = own.or_else(|| files().then_some(Own::Files));
    let unasked = unasked && place.is_none() && {
        let key = Key::of(plan.key, &call, &caller, client);
        matches!(key, Key::Token(_)) || state.policy.rules.ask_who()
    };
    Decision {
        client,
        method,
        call,
        caller,
        unasked,
        plan,
        own,
        rule,
        place,
    }
}
