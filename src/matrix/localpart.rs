//! The localpart of a user, which users are placed by.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use super::percent::Decoded;

/// A Matrix user id is at most 255 bytes (specification, appendices, user identifiers).
const MAX: usize = 255;

/// The part of a user id between `@` and `:`, byte for byte.
#[derive(Clone, Copy)]
pub struct Localpart {
    len: u8,
    bytes: [u8; MAX],
}

impl Localpart {
    /// A localpart of 1 to 255 bytes.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        Self::collect(bytes.iter().copied())
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
        let mut bytes = [0; MAX];
        let len = STANDARD_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        let len = u8::try_from(len).ok().filter(|&len| len > 0)?;
        Some(Self { len, bytes })
    }

    fn behind_sigil(mut id: impl Iterator<Item = u8>) -> Option<Self> {
        let sigil = id.next() == Some(b'@');
        sigil.then(|| Self::collect(id.take_while(|&byte| byte != b':')))?
    }

    fn collect(source: impl Iterator<Item = u8>) -> Option<Self> {
        let mut bytes = [0; MAX];
        let len = super::percent::fill(source, &mut bytes)?.len();
        let len = u8::try_from(len).ok().filter(|&len| len > 0)?;
        Some(Self { len, bytes })
    }

    /// Its bytes, which are UTF-8 for every user Synapse made.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl PartialEq for Localpart {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
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
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}
