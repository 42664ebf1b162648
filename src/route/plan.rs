//! The decision for one call.

use std::{num::NonZeroUsize, time::Duration};

use super::{Mount, PoolId};
use crate::{
    matrix::{Call, Group, Key, KeyKind, Method, Reach},
    pool::{Choice, Want},
};

/// Deadlines and sizes, by group where it matters (`matrix.md`, section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// To connect to a worker.
    pub connect: Duration,
    /// For a request's head, from its first byte.
    pub head: Duration,
    /// Between two requests of one client connection.
    pub client_idle: Duration,
    /// Beyond the `timeout` that a sync asks for.
    pub sync_extra: Duration,
    /// For the answer to a first sync.
    pub initial_sync: Duration,
    /// For the answer to a transaction of another server.
    pub federation_send: Duration,
    /// For the answer to a media request, and between two pieces of its body.
    pub media_idle: Duration,
    /// For all other answers, and between two pieces of other bodies.
    pub other: Duration,
    /// For a worker, while none takes a sync.
    pub wait_sync: Duration,
    /// For a worker, while none takes a first sync.
    pub wait_initial: Duration,
    /// For a worker, while none takes another request.
    pub wait_other: Duration,
    /// For what runs at a worker that drains, until it is cut.
    pub drain: Duration,
    /// Connections of clients at a time; what the open files allow when none is given.
    pub connections: Option<NonZeroUsize>,
    /// Connections of one client at a time; half of all when none is given.
    pub connections_per_client: Option<NonZeroUsize>,
    /// Heads that have begun and are not whole; a quarter of the connections when none is given.
    pub heads: Option<NonZeroUsize>,
    /// Bytes of a request's body.
    pub body: u64,
    /// Bytes of an upload of media; Synapse's `max_upload_size`.
    pub media_upload: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            head: Duration::from_secs(10),
            // Longer than what common load balancers in front keep an idle connection for.
            client_idle: Duration::from_secs(620),
            sync_extra: Duration::from_secs(120),
            initial_sync: Duration::from_secs(600),
            federation_send: Duration::from_secs(180),
            media_idle: Duration::from_secs(300),
            other: Duration::from_secs(90),
            wait_sync: Duration::from_secs(5),
            wait_initial: Duration::from_secs(30),
            wait_other: Duration::from_secs(60),
            drain: Duration::from_secs(60),
            connections: None,
            connections_per_client: None,
            heads: None,
            body: 13_107_200,
            media_upload: 50 << 20,
        }
    }
}

impl Limits {
    /// How long a request of that group waits for a worker that takes it.
    pub fn wait(&self, group: Group) -> Duration {
        match group {
            Group::Sync | Group::SlidingSync => self.wait_sync,
            Group::InitialSync | Group::InitialSlidingSync => self.wait_initial,
            _ => self.wait_other,
        }
    }
}

/// What is decided for one call: which pools (by group and reach), which key, which limits. Small, as it is kept
/// while the request is parked.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The class of endpoint.
    pub group: Group,
    /// Where a fallback is safe.
    pub reach: Reach,
    /// What places the request.
    pub key: KeyKind,
    /// The pool that a rule asks before all others.
    pub first: Option<PoolId>,
    /// How a worker of a pool is chosen.
    pub choice: Choice,
    /// True when a second delivery does no harm: reads, and PUTs whose path ends in a transaction id.
    pub repeatable: bool,
    /// For the answer's head.
    pub deadline: Duration,
    /// Between two pieces of a body.
    pub body_idle: Duration,
    /// Bytes of the request's body.
    pub body_limit: u64,
}

impl Plan {
    /// What it asks of a pool.
    pub fn want(&self) -> Want {
        Want {
            choice: self.choice,
            first_sync: matches!(self.group, Group::InitialSync | Group::InitialSlidingSync),
        }
    }
}

/// The key of every request to something that lives in one process.
const ONE_PROCESS: u64 = 0x6f6e_6520_706c_6163;

impl Plan {
    /// The plan for a call by that key.
    pub fn new(method: Method, call: &Call<'_>, key: &Key<'_>, limits: &Limits) -> Self {
        let media = matches!(call.group, Group::Media | Group::MediaAdmin);
        let repeatable = is_read(method) || call.transaction;
        Self {
            group: call.group,
            reach: call.reach,
            key: key.kind(),
            first: None,
            choice: choice(call, key),
            repeatable,
            deadline: deadline(call, limits),
            body_idle: if media {
                limits.media_idle
            } else {
                limits.other
            },
            body_limit: if media {
                limits.media_upload.max(limits.body)
            } else {
                limits.body
            },
        }
    }

    /// The plan for a request to a mounted service.
    pub fn for_mount(method: Method, call: &Call<'_>, mount: &Mount, limits: &Limits) -> Self {
        Self {
            group: call.group,
            reach: call.reach,
            key: KeyKind::None,
            first: mount.pool(),
            choice: Choice::LeastBusy,
            repeatable: is_read(method),
            deadline: mount.timeouts.answer,
            body_idle: mount.timeouts.idle,
            body_limit: mount.body.unwrap_or(limits.body),
        }
    }
}

fn is_read(method: Method) -> bool {
    matches!(method, Method::Get | Method::Head | Method::Options)
}

/// One process keeps its sessions to itself: all go to the same worker of its pool, until that one is gone.
fn choice(call: &Call<'_>, key: &Key<'_>) -> Choice {
    match call.reach {
        Reach::OneProcess => Choice::Keyed(ONE_PROCESS),
        _ => key.hash().map_or(Choice::LeastBusy, Choice::Keyed),
    }
}

fn deadline(call: &Call<'_>, limits: &Limits) -> Duration {
    match call.group {
        Group::Sync | Group::SlidingSync => limits
            .sync_extra
            .saturating_add(call.timeout.unwrap_or_default()),
        Group::InitialSync | Group::InitialSlidingSync => limits.initial_sync,
        Group::FederationInbound => limits.federation_send,
        Group::Media | Group::MediaAdmin => limits.media_idle,
        _ => limits.other,
    }
}
