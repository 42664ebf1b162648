//! Request ids: one word for the worker's log, ours, and the error that a user reports.

use std::{cell::Cell, hash::BuildHasher, hash::RandomState};

use super::Peer;
use crate::http1::Request;

/// An id from outside may have so many bytes.
const LONGEST: usize = 128;

/// The ids that one thread makes: none comes twice, and nobody can guess the next.
#[derive(Debug)]
pub struct Ids {
    next: Cell<u64>,
}

/// An id that we made, 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id([u8; 16]);

impl Default for Ids {
    fn default() -> Self {
        Self {
            next: Cell::new(RandomState::new().hash_one(std::thread::current().id())),
        }
    }
}

impl Ids {
    /// A new one.
    pub(super) fn make(&self) -> Id {
        let number = self.next.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.next.set(number);
        Id::of(mixed(number))
    }
}

impl Id {
    fn of(number: u64) -> Self {
        let digit = |place: usize| b"0123456789abcdef"[(number >> (60 - 4 * place) & 15) as usize];
        Self(std::array::from_fn(digit))
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The id that a trusted proxy gave the request, if it is one that a log can hold as it is.
pub(super) fn given<'b>(peer: &Peer, request: &Request<'_, 'b>) -> Option<&'b str> {
    if !peer.is_trusted() {
        return None;
    }
    let value = request.from_the_right("x-request-id").next()?;
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:/+=@".contains(b);
    let usable = (1..=LONGEST).contains(&value.len()) && value.iter().all(plain);
    usable.then(|| std::str::from_utf8(value).ok())?
}

/// One step of SplitMix64: no two numbers become the same.
fn mixed(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_sixteen_digits_and_never_the_same() {
        let (ids, others) = (Ids::default(), Ids::default());
        let made: HashSet<_> = (0..1000)
            .flat_map(|_| [ids.make(), others.make()])
            .map(|id| id.as_str().to_owned())
            .collect();
        assert_eq!(made.len(), 2000);
        assert!(made.iter().all(|id| id.len() == 16));
        assert_eq!(Id::of(0x0123_4567_89ab_cdef).as_str(), "0123456789abcdef");
    }
}
