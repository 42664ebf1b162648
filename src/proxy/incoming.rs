//! A request as it is kept while it runs.

use std::{net::IpAddr, ops::Range, sync::Arc};

use tokio::time::Instant;

use super::{
    Core, Decision, Ids, Own, Peer, callers, decide, id, mounted::Mounted, rate, respond::Refusal,
};
use crate::{
    http1::{Body, BodyFault, Framing, Request, Version, with_output},
    identity::{Lesson, Question},
    matrix::{Authorization, Key, Method, PollBody, parameter},
    pool::FirstSyncs,
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
    /// What its body says, where that decides.
    poll: Option<Box<Polled>>,
    /// What it has besides, where it belongs to another service.
    pub(super) mounted: Option<Box<Mounted>>,
}

/// So many bytes of a body are looked at before a worker is chosen; a longer one counts as one that resumes.
const PEEK: u64 = 64 * 1024;

/// The body of a sliding sync, as far as it was read before a worker is chosen.
#[derive(Debug)]
struct Polled {
    poll: PollBody,
    /// More of it may tell where the request goes.
    is_open: bool,
}

/// Where a request goes, and what is answered without a worker.
#[derive(Debug)]
struct Turn {
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
    fn new(decision: &Decision<'_, '_>) -> Self {
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
        let mut decision = decide(state, request, peer);
        let mut body = Body::new(request.framing, decision.plan.body_limit);
        let mut poll = decision.call.is_told_by_body().then(PollBody::default);
        let taken = body.advance(behind, |piece| {
            if let Some(poll) = &mut poll {
                poll.read(piece);
            }
        });
        if poll.as_ref().is_some_and(PollBody::is_first) {
            decision = decision.as_first(state, request, peer);
        }
        let plan = decision.plan;
        let used = taken.unwrap_or(0);
        let turn = Turn::new(&decision);
        let mounted = mounted(&decision, request);
        let (first, id) = with_output(|out| {
            match &mounted {
                None => request.write(out),
                Some(mounted) => mounted.write(request, out),
            }
            let id = put_id(out, id::given(peer, request), &core.ids);
            put_forwarded(out, decision.client, peer.proto(request));
            out.extend_from_slice(&behind[..used]);
            (out.as_slice().to_vec(), id)
        });
        let own = turn
            .own
            .or_else(|| refused(&plan, request.framing, taken).map(Own::Refused))
            .or_else(|| limited(peer, request, &decision, started));
        let mut incoming = Self {
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
            poll: None,
            mounted,
            plan,
            body,
        };
        if let Some(poll) = poll {
            incoming.note_poll(poll, request.expects_continue);
        }
        (incoming, request.len + used)
    }

    /// Keeps what the body has said so far, until a worker is chosen. A client that waits for `100 Continue` sends no
    /// body before a worker says so.
    fn note_poll(&mut self, poll: PollBody, expects_continue: bool) {
        self.add_timeout(&poll);
        let is_open = !expects_continue && self.own.is_none() && self.is_open(&poll);
        self.poll = Some(Box::new(Polled { poll, is_open }));
    }

    /// True while more bytes may change what the body says.
    fn is_open(&self, poll: &PollBody) -> bool {
        !self.body.is_whole() && !poll.is_read() && self.body.payload() < PEEK
    }

    /// True while the next bytes of the body may tell where it goes.
    pub(super) fn is_polled(&self) -> bool {
        self.poll.as_ref().is_some_and(|polled| polled.is_open)
    }

    /// Takes bytes that come while the body decides; gives how many of them are its own.
    pub(super) fn poll(&mut self, bytes: &[u8]) -> usize {
        let Some(mut polled) = self.poll.take() else {
            return 0;
        };
        let taken = self.body.advance(bytes, |piece| polled.poll.read(piece));
        let used = taken.unwrap_or(bytes.len());
        self.first.extend_from_slice(&bytes[..used]);
        self.is_streamed = !self.body.is_whole();
        polled.is_open = taken.is_ok() && self.is_open(&polled.poll);
        self.poll = Some(polled);
        if let Some(reason) = fault(taken) {
            self.own = Some(Own::Refused(reason));
        }
        used
    }

    /// Decides again, by what is known by now of caller and body.
    pub(super) fn decide_again(&mut self, state: &State, peer: &Peer) {
        let begins = self
            .poll
            .as_ref()
            .is_some_and(|polled| polled.poll.is_first());
        let turn = Request::read(&self.first, |head| {
            let decision = decide(state, &head, peer);
            match begins {
                true => Turn::new(&decision.as_first(state, &head, peer)),
                false => Turn::new(&decision),
            }
        });
        // What was read once reads again, but for a head that our fields made too long: that stays as it was decided.
        let Ok(turn) = turn else { return };
        self.plan = turn.plan;
        self.own = turn.own;
        self.reply = turn.reply;
        if let Some(polled) = self.poll.take() {
            self.add_timeout(&polled.poll);
            self.poll = Some(polled);
        }
    }

    /// The number of a first sync: the same for a retry.
    pub(super) fn number(&self, first_syncs: &FirstSyncs) -> u64 {
        let number = Request::read(&self.first, |head| {
            let (_, query) = head.target.split_once('?').unwrap_or_default();
            let token = match head.authorization {
                Authorization::None => parameter(query, "access_token").map(str::as_bytes),
                Authorization::One(token) | Authorization::Several(token) => Some(token),
            };
            first_syncs.number(head.target, token, self.client)
        });
        number.unwrap_or_default()
    }

    /// Who asks, as a number: who waits takes turns by it.
    pub(super) fn asker(&self, state: &State, peer: &Peer) -> u64 {
        let asker = Request::read(&self.first, |head| {
            let decision = decide(state, &head, peer);
            Key::asker(&decision.caller, self.client).hash()
        });
        asker.ok().flatten().unwrap_or_default()
    }

    /// A first poll has its time already, whatever it asks for.
    fn add_timeout(&mut self, poll: &PollBody) {
        if let Some(timeout) = poll.timeout().filter(|_| !poll.is_first()) {
            self.plan.deadline = self.plan.deadline.saturating_add(timeout);
        }
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

    /// True when its client wants to speak another protocol, and may.
    pub(super) fn upgrades(&self) -> bool {
        self.mounted
            .as_ref()
            .is_some_and(|mounted| mounted.upgrades)
    }

    /// The word that names it in all logs.
    pub(super) fn id(&self) -> &str {
        let id = &self.first[usize::from(self.id.start)..usize::from(self.id.end)];
        std::str::from_utf8(id).unwrap_or_default()
    }

    /// The host and target that were asked for.
    pub(super) fn place(&self) -> (&str, &str) {
        let target = self.lines().next().and_then(|line| line.split(' ').nth(1));
        (self.field("host"), target.unwrap_or_default())
    }

    /// The value of the first field of that name; empty when there is none.
    pub(super) fn field(&self, name: &str) -> &str {
        let mut fields = self.lines().filter_map(|line| line.split_once(": "));
        let field = fields.find(|(known, _)| known.eq_ignore_ascii_case(name));
        field.map_or("", |(_, value)| value)
    }

    /// The lines of the head, without the empty one; those that are no text are empty.
    fn lines(&self) -> impl Iterator<Item = &str> {
        let lines = self.first.split(|&byte| byte == b'\r');
        lines
            .map(|line| line.strip_prefix(b"\n").unwrap_or(line))
            .take_while(|line| !line.is_empty())
            .map(|line| std::str::from_utf8(line).unwrap_or_default())
    }

    /// The method and the path without its query.
    pub(super) fn asked(&self) -> (&str, &str) {
        let (method, rest) = word(&self.first, |byte| byte == b' ');
        let mounted = self.mounted.as_ref();
        if let Some(path) = mounted.and_then(|mounted| mounted.path.as_deref()) {
            return (method, path);
        }
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

/// What a request to another service has besides, unless the door answers it.
fn mounted(decision: &Decision<'_, '_>, request: &Request<'_, '_>) -> Option<Box<Mounted>> {
    let at_door = decision.own.is_some_and(|own| own != Own::Files);
    let place = decision.place.filter(|_| !at_door)?;
    Some(Box::new(Mounted::new(place, request, decision.call.path())))
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
    match framing {
        Framing::Length(length) if length > plan.body_limit => Some(Reason::BodyTooLarge),
        _ => fault(taken),
    }
}

fn fault(taken: Result<usize, BodyFault>) -> Option<Reason> {
    match taken {
        Err(BodyFault::TooLarge) => Some(Reason::BodyTooLarge),
        Err(BodyFault::Chunk) => Some(Reason::BadRequest),
        Ok(_) => None,
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
