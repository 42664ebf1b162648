//! What a user is placed by.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Localpart;

/// The hash of a user's localpart, the same on every replica and CPU: all that placement needs to know of a user.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UserHash(u64);

impl UserHash {
    /// A hash that was taken of a localpart before.
    pub const fn new(hash: u64) -> Self {
        Self(hash)
    }

    /// The hash of a localpart's bytes: XXH3, seeded as no other kind of key is.
    pub(super) fn of(localpart: &[u8]) -> Self {
        Self(xxh3_64_with_seed(localpart, 1))
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<&Localpart> for UserHash {
    fn from(user: &Localpart) -> Self {
        user.hash()
    }
}

impl fmt::Display for UserHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:016x}", self.0)
    }
}

impl fmt::Debug for UserHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserHash({self})")
    }
}
