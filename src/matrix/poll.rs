//! What the query of a long poll says: from where it resumes, and how long it waits.

use std::time::Duration;

use super::{percent::Decoded, query};

/// The parameters that tell a first poll from one that resumes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Poll {
    /// `since` is there, empty or not: an empty one is answered 400 at once.
    pub since: bool,
    /// The first `full_state` is `true`; any other spelling is answered 400.
    pub full_state: bool,
    /// The first `from` names a place: it is neither empty nor `END`.
    pub from: bool,
    /// `pos` is there.
    pub pos: bool,
    /// The first `timeout`, in milliseconds.
    pub timeout: Option<Duration>,
}

impl Poll {
    /// Reads a query once.
    pub fn read(query: &str) -> Self {
        let (mut firsts, mut begin) = (Firsts::default(), 0);
        let query = query.as_bytes();
        for end in memchr::memchr2_iter(b'&', b';', query) {
            firsts.note(&query[begin..end]);
            begin = end + 1;
        }
        firsts.note(&query[begin..]);
        firsts.poll()
    }
}

/// The first value of each parameter, undecoded.
#[derive(Default)]
struct Firsts<'a> {
    since: Option<&'a [u8]>,
    full_state: Option<&'a [u8]>,
    from: Option<&'a [u8]>,
    pos: Option<&'a [u8]>,
    timeout: Option<&'a [u8]>,
}

impl<'a> Firsts<'a> {
    /// The first two bytes tell which name an item can have, with escapes or without: most have none of these.
    #[inline]
    fn note(&mut self, item: &'a [u8]) {
        match item {
            [b's', b'i' | b'%', ..] => first(&mut self.since, item, b"since="),
            [b'f', b'u', ..] => first(&mut self.full_state, item, b"full_state="),
            [b'f', b'r', ..] => first(&mut self.from, item, b"from="),
            [b'p', b'o' | b'%', ..] => first(&mut self.pos, item, b"pos="),
            [b't', b'i' | b'%', ..] => first(&mut self.timeout, item, b"timeout="),
            [b'%', ..] | [b'f', b'%', ..] => self.note_any(item),
            _ => {}
        }
    }

    #[cold]
    fn note_any(&mut self, item: &'a [u8]) {
        first(&mut self.since, item, b"since=");
        first(&mut self.full_state, item, b"full_state=");
        first(&mut self.from, item, b"from=");
        first(&mut self.pos, item, b"pos=");
        first(&mut self.timeout, item, b"timeout=");
    }

    fn poll(&self) -> Poll {
        let names_a_place = |from: &[u8]| !from.is_empty() && !query::is(from, b"END");
        Poll {
            since: self.since.is_some(),
            full_state: self.full_state.is_some_and(|v| query::is(v, b"true")),
            from: self.from.is_some_and(names_a_place),
            pos: self.pos.is_some(),
            timeout: self.timeout.and_then(milliseconds),
        }
    }
}

/// Notes an item's value unless there is one; the name stands with its `=`.
#[inline]
fn first<'a>(place: &mut Option<&'a [u8]>, item: &'a [u8], name: &'static [u8]) {
    if let Some(value) = item.strip_prefix(name).or_else(|| escaped(item, name)) {
        place.get_or_insert(value);
    }
}

#[cold]
fn escaped<'a>(item: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (name_end, behind) = (name.len() - 1, item.iter().position(|&byte| byte == b'=')?);
    query::is(&item[..behind], &name[..name_end]).then(|| &item[behind + 1..])
}

fn milliseconds(value: &[u8]) -> Option<Duration> {
    let plain = number(value.iter().copied());
    let number = plain.or_else(|| number(Decoded::form(value)))?;
    Some(Duration::from_millis(number))
}

fn number(mut digits: impl Iterator<Item = u8>) -> Option<u64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let first = digit(digits.next()?)?;
    digits.try_fold(first, |sum, byte| {
        Some(sum.saturating_mul(10).saturating_add(digit(byte)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_poll_resumes() {
        let since = |q| Poll::read(q).since;
        for query in [
            "since=s1_2",
            "since=",
            "a=b;since=x",
            "%73ince=x",
            "since&since=x",
        ] {
            assert!(since(query), "{query}");
        }
        for query in ["", "since", "SINCE=x", "xsince=1", "since%=1", "a=since=1"] {
            assert!(!since(query), "{query}");
        }
    }

    #[test]
    fn full_state_is_the_first_and_literal() {
        let full = |q| Poll::read(q).full_state;
        assert!(full("full_state=true"));
        assert!(full("full%5fstate=tru%65"));
        for query in [
            "full_state=True",
            "full_state=1",
            "full_state=false&full_state=true",
        ] {
            assert!(!full(query), "{query}");
        }
    }

    #[test]
    fn from_must_name_a_place() {
        let from = |q| Poll::read(q).from;
        assert!(from("from=s1"));
        assert!(!from("from=") && !from("from=END") && !from("from"));
    }

    #[test]
    fn timeouts_are_whole_milliseconds() {
        let cases = [
            ("timeout=30000", Some(30_000)),
            ("timeout=0", Some(0)),
            ("timeout=%330000&timeout=1", Some(30_000)),
            ("timeout=99999999999999999999999", Some(u64::MAX)),
            ("timeout=", None),
            ("timeout=-1", None),
            ("timeout=3e4", None),
            ("timeout", None),
        ];
        for (query, millis) in cases {
            assert_eq!(
                Poll::read(query).timeout,
                millis.map(Duration::from_millis),
                "{query}"
            );
        }
    }
}
