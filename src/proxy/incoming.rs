//! A request as it is kept while it runs.

use std::{net::IpAddr, ops::Range, sync::Arc};

use tokio::time::Instant;

use super::{Core, Decision, Ids, Own, Peer, callers, decide, id, rate, respond::Refusal};
use crate::{
    http1::{Body, BodyFault, Framing, Request, Version, with_output},
    identity::{Lesson, Question},
    matrix::Method,
    route::{Plan, Reply, State},
    telemetry::Reason,
};

/// A request with a body up to this size is kept whole where it may be repeated, so that it can go to another worker.
const COPY: usize = 64 * 1024;

/// A request that has been decided on.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) started: Instant,
    pub(super) client: IpAddr,
    pub(super) plan: Plan,
    pub(super) version: Version,
    pub(super) keep_alive: bool,
    pub(super) to_head: bool,
    /// Where its id stands in `first`.
    id: Range<u16>,
    /// What the worker gets: the head, and the part of the body that came with it.
    pub(super) first: Vec<u8>,
    pub(super) body: Body,
    /// Not all of the body came with the head.
    pub(super) is_streamed: bool,
    /// `first` is not all that was sent: the request cannot be sent again.
    forgotten: bool,
    /// What is answered without a worker.
    pub(super) own: Option<Own>,
    /// Whose its token is, if that is to be asked first.
    pub(super) question: Option<Box<Question>>,
    /// What its answer can teach.
    pub(super) lesson: Option<Box<Lesson>>,
    /// What a rule answers in the workers' place.
    pub(super) reply: Option<Arc<Reply>>,
}

/// Where a request goes, and what is answered without a worker.
#[derive(Debug)]
pub(super) struct Turn {
    plan: Plan,
    own: Option<Own>,
    reply: Option<Arc<Reply>>,
}

/// Reads and decides on the request at the start of `bytes`; gives how many of them are its own.
pub(super) fn receive(
    core: &Core,
    peer: &Peer,
    bytes: &[u8],
) -> Result<(Incoming, usize), Refusal> {
    let state = core.state();
    let read = Request::read(bytes, |request| {
        Incoming::new(core, &state, peer, &request, &bytes[request.len..])
    });
    Ok(read?)
}

impl Turn {
    pub(super) fn new(decision: &Decision<'_, '_>) -> Self {
        let reply = decision.reply().cloned();
        Self {
            plan: decision.plan,
            own: decision
                .own
                .or_else(|| Some(Own::Refused(reply.as_ref()?.reason))),
            reply,
        }
    }
}

impl Incoming {
    fn new(
        core: &Core,
        state: &State,
        peer: &Peer,
        request: &Request<'_, '_>,
        behind: &[u8],
    ) -> (Self, usize) {
        let started = Instant::now();
        let decision = decide(state, request, peer);
        let plan = decision.plan;
        let mut body = Body::new(request.framing, plan.body_limit);
        let taken = body.advance(behind, |_| ());
        let used = taken.unwrap_or(0);
        let (first, id) = with_output(|out| {
            request.write(out);
            let id = put_id(out, id::given(peer, request), &core.ids);
            put_forwarded(out, decision.client, peer.proto(request));
            out.extend_from_slice(&behind[..used]);
            (out.as_slice().to_vec(), id)
        });
        let turn = Turn::new(&decision);
        let own = turn
            .own
            .or_else(|| refused(&plan, request.framing, taken).map(Own::Refused))
            .or_else(|| limited(peer, request, &decision, started));
        let incoming = Self {
            started,
            client: decision.client,
            version: request.version,
            keep_alive: request.keep_alive,
            to_head: decision.method == Method::Head,
            id,
            first,
            is_streamed: !body.is_whole(),
            forgotten: false,
            question: callers::question(state, &decision, request).filter(|_| own.is_none()),
            lesson: callers::lesson(state, &decision).filter(|_| own.is_none()),
            own,
            reply: turn.reply,
            plan,
            body,
        };
        (incoming, request.len + used)
    }

    /// Goes another way than was decided first.
    pub(super) fn turn(&mut self, turn: Turn) {
        self.plan = turn.plan;
        self.own = turn.own;
        self.reply = turn.reply;
    }

    /// True when it may be sent again, and can.
    pub(super) fn is_repeatable(&self) -> bool {
        self.plan.repeatable && !self.forgotten
    }

    /// Keeps a later piece of the body for another try; false when the request is not kept, or too large for it.
    pub(super) fn remember(&mut self, piece: &[u8]) -> bool {
        let keep = self.is_repeatable() && self.first.len() + piece.len() <= COPY;
        if keep {
            self.first.extend_from_slice(piece);
        }
        self.forgotten |= !keep;
        keep
    }

    /// The word that names it in all logs.
    pub(super) fn id(&self) -> &str {
        let id = &self.first[usize::from(self.id.start)..usize::from(self.id.end)];
        std::str::from_utf8(id).unwrap_or_default()
    }

    /// The host and target that were asked for.
    pub(super) fn place(&self) -> (&str, &str) {
        let head = self.first.split(|&b| b == b'\r').map(|line| {
            let line = line.strip_prefix(b"\n").unwrap_or(line);
            std::str::from_utf8(line).unwrap_or_default()
        });
        let mut lines = head.take_while(|line| !line.is_empty());
        let target = lines.next().and_then(|line| line.split(' ').nth(1));
        let host = lines
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("host"));
        (
            host.map_or("", |(_, value)| value),
            target.unwrap_or_default(),
        )
    }

    /// The method and the path without its query.
    pub(super) fn asked(&self) -> (&str, &str) {
        let (method, rest) = word(&self.first, |byte| byte == b' ');
        let (path, _) = word(rest, |byte| matches!(byte, b' ' | b'?'));
        (method, path)
    }
}

/// The text up to the first byte that ends it, and what stands behind that byte; `-` for what is no text.
fn word(bytes: &[u8], ends: impl Fn(u8) -> bool) -> (&str, &[u8]) {
    let end = bytes.iter().position(|&byte| ends(byte));
    let end = end.unwrap_or(bytes.len());
    let rest = bytes.get(end + 1..).unwrap_or_default();
    (std::str::from_utf8(&bytes[..end]).unwrap_or("-"), rest)
}

/// Counts the request where its door has rates.
fn limited(
    peer: &Peer,
    request: &Request<'_, '_>,
    decision: &Decision<'_, '_>,
    now: Instant,
) -> Option<Own> {
    let rates = peer.door.rates.as_ref()?;
    let (group, query) = (decision.plan.group, decision.call.query);
    let taken = rates.take(
        group,
        decision.client,
        request.authorization,
        query,
        now.into_std(),
    );
    let wait = taken.err()?;
    Some(Own::Limited(rate::seconds(wait)))
}

fn refused(plan: &Plan, framing: Framing, taken: Result<usize, BodyFault>) -> Option<Reason> {
    match (taken, framing) {
        (_, Framing::Length(length)) if length > plan.body_limit => Some(Reason::BodyTooLarge),
        (Err(BodyFault::TooLarge), _) => Some(Reason::BodyTooLarge),
        (Err(BodyFault::Chunk), _) => Some(Reason::BadRequest),
        (Ok(_), _) => None,
    }
}

/// The id that came with the request, or a new one; gives where it stands, which is within what a head may have.
fn put_id(out: &mut Vec<u8>, given: Option<&str>, ids: &Ids) -> Range<u16> {
    out.extend_from_slice(b"x-request-id: ");
    let start = out.len() as u16;
    match given {
        Some(given) => out.extend_from_slice(given.as_bytes()),
        None => out.extend_from_slice(ids.make().as_str().as_bytes()),
    }
    let end = out.len() as u16;
    out.extend_from_slice(b"\r\n");
    start..end
}

/// The fields that tell Synapse who asks: it believes the first address of `X-Forwarded-For`, so there is one only.
fn put_forwarded(out: &mut Vec<u8>, client: IpAddr, proto: &str) {
    out.extend_from_slice(b"x-forwarded-for: ");
    put_address(out, client);
    out.extend_from_slice(b"\r\nx-forwarded-proto: ");
    out.extend_from_slice(proto.as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
}

/// Numbers alone for IPv4: the machinery of formatting costs more than parsing the request line.
fn put_address(out: &mut Vec<u8>, client: IpAddr) {
    use std::io::Write;
    let IpAddr::V4(client) = client else {
        // A vector takes every write.
        let _ = write!(out, "{client}");
        return;
    };
    for (place, number) in client.octets().into_iter().enumerate() {
        if place > 0 {
            out.push(b'.');
        }
        out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn addresses_are_written_as_everyone_writes_them(client: IpAddr) {
            let mut out = vec![];
            put_address(&mut out, client);
            prop_assert_eq!(String::from_utf8(out).unwrap(), client.to_string());
        }
    }
}
