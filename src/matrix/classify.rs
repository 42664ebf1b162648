//! Method and target to Call: what a request asks.

use std::{fmt, time::Duration};

use super::{
    Group, KeyKind, Method, Reach, Release, Row, When,
    path::Segments,
    percent::Decoded,
    poll::Poll,
    table::{MAIN, MOUNTED, OPTIONS, PROXIED, PROXIED_FEDERATION, REFUSED},
    trie::{Leaf, Leaves, Span, TRIE},
};

/// What a request asks; texts are the raw, undecoded bytes of the target.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The class of endpoints it belongs to.
    pub group: Group,
    /// The row of the table that took it.
    pub row: &'static Row,
    /// Which processes can answer.
    pub reach: Reach,
    /// What it is placed by.
    pub key: KeyKind,
    /// The room id or alias the path names.
    pub room: Option<&'a str>,
    /// The user the path names.
    pub user: Option<&'a str>,
    /// `server/id` of the media the path names; only the id on federation paths.
    pub media: Option<&'a str>,
    /// The raw request target.
    pub target: &'a str,
    /// The raw query, without its `?`.
    pub query: &'a str,
    /// How long a sync wants to wait.
    pub timeout: Option<Duration>,
    /// A PUT under a transaction id Synapse stores: sent twice it has one effect.
    pub transaction: bool,
}

/// Reads a request target in origin-form, as that release of Synapse takes it.
pub fn classify<'a>(release: Release, method: Method, target: &'a str) -> Call<'a> {
    let (path, query) = split(target);
    if refused(path) {
        return Call::new(&REFUSED, target, query);
    }
    if method == Method::Options {
        return Call::new(&OPTIONS, target, query);
    }
    find(release, method, path, target, query).unwrap_or_else(|| Call::new(&MAIN, target, query))
}

fn split(target: &str) -> (&str, &str) {
    match memchr::memchr(b'?', target.as_bytes()) {
        Some(end) => (&target[..end], &target[end + 1..]),
        None => (target, ""),
    }
}

/// Twisted walks to these two by decoded names (`twisted/web/server.py`).
fn refused(path: &str) -> bool {
    !path.starts_with("/_matrix/")
        && ["/_synapse/metrics", "/_synapse/replication"]
            .into_iter()
            .any(|closed| begins(path, closed))
}

/// True for `/_synapse/admin` and all below it, in any spelling that Twisted takes for it.
pub fn is_admin_api(target: &str) -> bool {
    target.starts_with("/_synapse/admin")
        || !target.starts_with("/_matrix/") && begins(split(target).0, "/_synapse/admin")
}

/// True for the paths that Synapse has a name on, in any spelling that Twisted takes for it.
pub fn is_synapses(path: &str) -> bool {
    ["/_matrix", "/_synapse", "/.well-known/matrix"]
        .into_iter()
        .any(|start| begins(path, start))
}

/// True for a path at `prefix` or below it; the prefix has no slash at its end.
pub fn within(path: &str, prefix: &str) -> bool {
    let behind = path.strip_prefix(prefix);
    behind.is_some_and(|behind| behind.is_empty() || behind.starts_with('/'))
}

fn begins(path: &str, start: &str) -> bool {
    let mut decoded = Decoded::path(path.as_bytes());
    start.bytes().all(|byte| decoded.next() == Some(byte))
}

fn find<'a>(
    release: Release,
    method: Method,
    path: &'a str,
    target: &'a str,
    query: &'a str,
) -> Option<Call<'a>> {
    if let Some(leaves) = TRIE.whole(path, method, release) {
        let (call, _) = pick(leaves, release, method, target, query)?;
        return Some(call);
    }
    let segments = Segments::new(path);
    let leaves = TRIE.find(&segments, method, release)?;
    let (mut call, leaf) = pick(leaves, release, method, target, query)?;
    call.name(leaf, &segments);
    Some(call)
}

#[inline]
fn pick<'a>(
    leaves: &'static Leaves,
    release: Release,
    method: Method,
    target: &'a str,
    query: &'a str,
) -> Option<(Call<'a>, &'static Leaf)> {
    let poll = if leaves.poll() {
        Poll::read(query)
    } else {
        Poll::default()
    };
    let leaf = leaves.pick(method, release, &poll)?;
    let mut call = Call::new(leaf.row, target, query);
    call.timeout = poll.timeout;
    Some((call, leaf))
}

impl fmt::Debug for Call<'_> {
    /// Leaves out target and query: they may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("row", &self.row.id)
            .field("group", &self.group)
            .field("room", &self.room)
            .field("user", &self.user)
            .field("media", &self.media)
            .field("timeout", &self.timeout)
            .field("transaction", &self.transaction)
            .finish_non_exhaustive()
    }
}

impl<'a> Call<'a> {
    /// True when only its body tells whether it is a first poll.
    pub fn is_told_by_body(&self) -> bool {
        self.row.when == When::InBody
    }

    /// True when no row of the table took it.
    pub fn is_unknown(&self) -> bool {
        std::ptr::eq(self.row, &MAIN)
    }

    /// The same call, passed on to an application service by any worker; as it is where that release does not.
    #[must_use]
    pub fn as_proxied(&self, method: Method, release: Release) -> Self {
        let row = match self.target.starts_with("/_matrix/federation/") {
            true => &PROXIED_FEDERATION,
            false => &PROXIED,
        };
        match row.takes(method, release) {
            true => Self::new(row, self.target, self.query),
            false => *self,
        }
    }

    /// The same call, as one of a service that is not Synapse.
    #[must_use]
    pub fn as_mounted(&self) -> Self {
        Self::new(&MOUNTED, self.target, self.query)
    }

    /// The same call, its body read as a first poll.
    #[must_use]
    pub fn as_first(&self) -> Self {
        Self {
            group: Group::InitialSlidingSync,
            ..*self
        }
    }

    /// The raw path, without the query.
    pub fn path(&self) -> &'a str {
        split(self.target).0
    }

    /// True when the path names this room, in any percent-spelling.
    pub fn is_in_room(&self, room: &str) -> bool {
        self.room
            .is_some_and(|raw| Decoded::path(raw.as_bytes()).eq(room.bytes()))
    }

    fn new(row: &'static Row, target: &'a str, query: &'a str) -> Self {
        Self {
            group: row.group,
            row,
            reach: row.reach,
            key: row.key,
            room: None,
            user: None,
            media: None,
            target,
            query,
            timeout: None,
            transaction: false,
        }
    }

    fn name(&mut self, leaf: &Leaf, segments: &Segments<'a>) {
        let text = |span: Option<Span>| span.map(|Span(first, last)| segments.span(first, last));
        self.room = text(leaf.room);
        self.user = text(leaf.user);
        self.media = text(leaf.media);
        self.transaction = leaf.transaction;
    }
}
