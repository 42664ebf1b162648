//! The localpart of a user, which users are placed by.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use super::{
    UserHash,
    percent::{Decoded, fill},
};

/// A Matrix user id is at most 255 bytes (specification, appendices, user identifiers).
const MAX: usize = 255;

/// How many bytes are kept to be shown; few localparts have more. 255 would be moved about for every request.
const SHOWN: usize = 47;

/// The part of a user id between `@` and `:`: the hash of all of it, byte for byte, and its first bytes to be shown.
#[derive(Clone, Copy)]
pub struct Localpart {
    hash: UserHash,
    len: u8,
    shown: [u8; SHOWN],
}

impl Localpart {
    /// A localpart of 1 to 255 bytes.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut shown = [0; SHOWN];
        let len = bytes.len().min(SHOWN);
        shown[..len].copy_from_slice(&bytes[..len]);
        Self::with(shown, bytes)
    }

    /// The localpart of a user id as it stands in a path, percent-encoded or not.
    pub fn from_user_id(raw: &str) -> Option<Self> {
        Self::behind_sigil(Decoded::path(raw.as_bytes()))
    }

    /// The localpart of a user id as it stands in a query, where `+` is a space.
    pub fn from_parameter(raw: &str) -> Option<Self> {
        Self::behind_sigil(Decoded::form(raw.as_bytes()))
    }

    /// The localpart of a user id as it is.
    pub fn of_user_id(id: &[u8]) -> Option<Self> {
        Self::behind_sigil(id.iter().copied())
    }

    pub(super) fn from_base64(text: &[u8]) -> Option<Self> {
        if text.len() > SHOWN {
            return Self::from_long_base64(text);
        }
        let mut shown = [0; SHOWN];
        let len = STANDARD_NO_PAD.decode_slice(text, &mut shown).ok()?;
        Self::with(shown, &shown[..len])
    }

    #[cold]
    fn from_long_base64(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX];
        let len = STANDARD_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        Self::new(&bytes[..len])
    }

    fn behind_sigil(mut id: impl Iterator<Item = u8>) -> Option<Self> {
        let sigil = id.next() == Some(b'@');
        sigil.then(|| Self::collect(id.take_while(|&byte| byte != b':')))?
    }

    fn collect(source: impl Iterator<Item = u8>) -> Option<Self> {
        Self::new(fill(source, &mut [0; MAX])?)
    }

    fn with(shown: [u8; SHOWN], bytes: &[u8]) -> Option<Self> {
        let len = u8::try_from(bytes.len()).ok().filter(|&len| len > 0)?;
        let hash = UserHash::of(bytes);
        Some(Self { hash, len, shown })
    }

    /// What placement needs to know of it.
    pub fn hash(&self) -> UserHash {
        self.hash
    }

    /// Its first bytes, for most users all; UTF-8 for every user Synapse made, but where they are cut.
    pub fn shown(&self) -> &[u8] {
        &self.shown[..SHOWN.min(self.len.into())]
    }
}

impl PartialEq for Localpart {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.len == other.len
    }
}

impl Eq for Localpart {}

impl fmt::Debug for Localpart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Localpart({self})")
    }
}

impl fmt::Display for Localpart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.shown().len() < self.len.into() {
            "..."
        } else {
            ""
        };
        write!(f, "{}{more}", self.shown().escape_ascii())
    }
}
