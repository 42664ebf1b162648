//! One row of the endpoint table: which requests, which group, where they may go.

use super::{Group, Method, Methods, Release, poll::Poll};

/// Which processes can answer, so where a fallback is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Every process with the `client` resource, the main process too.
    AnyWorker,
    /// Every process with the `federation` resource, the main process too.
    Federation,
    /// Only the pool that serves the group: the wrong process answers 500. Without such a pool the
    /// main process is the writer.
    Writer,
    /// Only processes that run the media repository: another one, even main, answers 404.
    Media,
    /// One process, because sessions live in its memory. Without a pool, the main process.
    OneProcess,
    /// The main process, or MAS for what belongs to it.
    Main,
    /// No process: never passed on.
    Nobody,
}

/// What a request is placed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// The user: the one the path names, else the caller.
    User,
    /// The room id or alias in the path.
    Room,
    /// The server that signed the request, else the client's address.
    Origin,
    /// The client's address.
    Client,
    /// The whole request target.
    Uri,
    /// The server and id of a piece of media.
    Media,
    /// Nothing: any worker is as good.
    None,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::User,
        Self::Room,
        Self::Origin,
        Self::Client,
        Self::Uri,
        Self::Media,
        Self::None,
    ];

    /// The name users write and read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Room => "room",
            Self::Origin => "origin",
            Self::Client => "client",
            Self::Uri => "uri",
            Self::Media => "media",
            Self::None => "none",
        }
    }
}

/// What the query must say for a row to apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Anything.
    Always,
    /// No `since`, or `full_state=true` (`synapse/rest/client/sync.py`).
    NoSince,
    /// No `from` that names a place (`synapse/streams/config.py`).
    NoFrom,
    /// No `pos` (`synapse/rest/client/sync.py`).
    NoPos,
    /// Anything; the body tells whether it is a first poll (MSC4186).
    InBody,
}

impl When {
    pub(super) fn holds(self, poll: &Poll) -> bool {
        match self {
            Self::Always | Self::InBody => true,
            Self::NoSince => !poll.since || poll.full_state,
            Self::NoFrom => !poll.from,
            Self::NoPos => !poll.pos,
        }
    }
}

/// One row of the endpoint table.
#[derive(Debug)]
pub struct Row {
    /// The row's name, as in the table of groups: `S1`, `C2`.
    pub id: &'static str,
    /// The group its requests belong to.
    pub group: Group,
    /// The methods it is for.
    pub methods: Methods,
    /// The raw path: `V1` is `(api/v1|r0|v3|unstable)`, `V2` is `(r0|v3|unstable)`, `(a|b)` is a
    /// choice, `{name}` one segment, `{name+}` one that is not empty, a last `**` all the rest.
    pub pattern: &'static str,
    /// What the query must say.
    pub when: When,
    /// Which processes can answer.
    pub reach: Reach,
    /// What its requests are placed by.
    pub key: KeyKind,
    /// Whether it belongs to MAS as soon as a pool serves `mas_compat`, or is what MAS calls.
    pub mas: bool,
    /// The first release that serves it as the row says; before, the main process has it, or nobody.
    pub since: Release,
    /// The first release that does so no longer.
    pub until: Release,
}

impl Row {
    pub(super) const fn new(
        id: &'static str,
        group: Group,
        methods: Methods,
        pattern: &'static str,
    ) -> Self {
        Self {
            id,
            group,
            methods,
            pattern,
            when: When::Always,
            reach: Reach::AnyWorker,
            key: KeyKind::None,
            mas: false,
            since: Release::EVER.0,
            until: Release::EVER.1,
        }
    }

    pub(super) const fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    pub(super) const fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    pub(super) const fn key(mut self, key: KeyKind) -> Self {
        self.key = key;
        self
    }

    pub(super) const fn mas(mut self) -> Self {
        self.mas = true;
        self
    }

    pub(super) const fn since(mut self, major: u16, minor: u16) -> Self {
        self.since = Release::new(major, minor);
        self
    }

    pub(super) const fn until(mut self, major: u16, minor: u16) -> Self {
        self.until = Release::new(major, minor);
        self
    }

    /// Whether it is for requests with this method to that release.
    pub(super) fn takes(&self, method: Method, release: Release) -> bool {
        self.methods.contains(method) && self.holds(release)
    }

    /// Whether that release serves it as the row says.
    pub(super) fn holds(&self, release: Release) -> bool {
        self.since <= release && release < self.until
    }
}
