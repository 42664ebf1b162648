//! What a request is placed by, and its hash, the same on every replica and CPU.

use std::{fmt, net::IpAddr};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    Call, Caller, KeyKind, Localpart, Token, UserHash,
    percent::{Decoded, fill},
};

/// What a request is placed by; different kinds never share a hash by construction.
#[derive(Clone, Copy)]
pub enum Key<'a> {
    /// A user's localpart.
    User(Localpart),
    /// A user of whom only the hash is known.
    Known(UserHash),
    /// A token that does not say whose it is.
    Token(Token<'a>),
    /// A room id or alias, as the path spells it.
    Room(&'a str),
    /// The server that asks, as it spells itself.
    Origin(&'a str),
    /// The client's address.
    Client(IpAddr),
    /// The raw request target.
    Uri(&'a str),
    /// `server/id`, as the path spells it.
    Media(&'a str),
    /// Nothing.
    None,
}

impl<'a> Key<'a> {
    /// The key the table gives this call.
    pub fn new(call: &Call<'a>, caller: &Caller<'a>, client: IpAddr) -> Self {
        Self::of(call.key, call, caller, client)
    }

    /// The key of another kind, for rules that choose their own.
    pub fn of(kind: KeyKind, call: &Call<'a>, caller: &Caller<'a>, client: IpAddr) -> Self {
        match kind {
            KeyKind::User => Self::user(call, caller),
            KeyKind::Room => call.room.map_or(Self::None, Self::Room),
            KeyKind::Origin => Self::origin(caller, client),
            KeyKind::Client => Self::Client(client),
            KeyKind::Uri => Self::Uri(call.target),
            KeyKind::Media => call.media.map_or(Self::None, Self::Media),
            KeyKind::None => Self::None,
        }
    }

    /// Who asks, whatever is asked: the user or the server, else the client.
    pub fn asker(caller: &Caller<'a>, client: IpAddr) -> Self {
        match Self::caller(caller) {
            Self::None => Self::origin(caller, client),
            caller => caller,
        }
    }

    fn user(call: &Call<'a>, caller: &Caller<'a>) -> Self {
        let user = call.user.and_then(Localpart::from_user_id);
        user.map_or_else(|| Self::caller(caller), Self::User)
    }

    fn caller(caller: &Caller<'a>) -> Self {
        match caller {
            Caller::User(user) | Caller::Appservice(user) => Self::User(*user),
            Caller::Known(hash) => Self::Known(*hash),
            Caller::Token(token) | Caller::Invalid(token) => Self::Token(*token),
            Caller::Server(_) | Caller::Nobody => Self::None,
        }
    }

    fn origin(caller: &Caller<'a>, client: IpAddr) -> Self {
        match caller {
            Caller::Server(name) => Self::Origin(name),
            _ => Self::Client(client),
        }
    }

    /// Its kind; a token counts as a user.
    pub fn kind(&self) -> KeyKind {
        match self {
            Self::User(_) | Self::Known(_) | Self::Token(_) => KeyKind::User,
            Self::Room(_) => KeyKind::Room,
            Self::Origin(_) => KeyKind::Origin,
            Self::Client(_) => KeyKind::Client,
            Self::Uri(_) => KeyKind::Uri,
            Self::Media(_) => KeyKind::Media,
            Self::None => KeyKind::None,
        }
    }

    /// XXH3 of the key's canonical bytes, seeded by its kind.
    pub fn hash(&self) -> Option<u64> {
        match self {
            Self::User(user) => Some(UserHash::from(user).get()),
            Self::Known(hash) => Some(hash.get()),
            Self::Token(token) => Some(token.read(|bytes| xxh3_64_with_seed(bytes, 2))),
            Self::Room(room) => Some(decoded(room, 3)),
            Self::Origin(name) => Some(lower(name, 4)),
            Self::Client(address) => Some(client(*address, 5)),
            Self::Uri(target) => Some(xxh3_64_with_seed(target.as_bytes(), 6)),
            Self::Media(media) => Some(decoded(media, 7)),
            Self::None => None,
        }
    }
}

/// Any percent-spelling hashes alike; ids are at most 255 bytes, what is longer hashes as it is.
fn decoded(text: &str, seed: u64) -> u64 {
    if !text.contains('%') {
        return xxh3_64_with_seed(text.as_bytes(), seed);
    }
    canonical(text, Decoded::path(text.as_bytes()), seed)
}

fn lower(text: &str, seed: u64) -> u64 {
    canonical(
        text,
        text.bytes().map(|byte| byte.to_ascii_lowercase()),
        seed,
    )
}

fn canonical(text: &str, bytes: impl Iterator<Item = u8>, seed: u64) -> u64 {
    let mut buffer = [0; 512];
    let canonical = fill(bytes, &mut buffer).unwrap_or(text.as_bytes());
    xxh3_64_with_seed(canonical, seed)
}

fn client(address: IpAddr, seed: u64) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(v4) => xxh3_64_with_seed(&v4.octets(), seed),
        IpAddr::V6(v6) => xxh3_64_with_seed(&v6.octets(), seed),
    }
}

/// A query may hold a token.
fn without_query(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => user.fmt(f),
            Self::Known(hash) => hash.fmt(f),
            Self::Token(token) => token.fmt(f),
            Self::Room(text) | Self::Origin(text) | Self::Media(text) => f.write_str(text),
            Self::Uri(target) => f.write_str(without_query(target)),
            Self::Client(address) => address.to_canonical().fmt(f),
            Self::None => Ok(()),
        }
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({self})", self.kind().name())
    }
}
