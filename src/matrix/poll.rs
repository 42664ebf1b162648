//! What the query of a long poll says: from where it resumes, and how long it waits.

use std::time::Duration;

use super::{
    percent::Decoded,
    query::{self, items},
};

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
        let mut firsts = Firsts::default();
        let is_escaped = query::escaped(query);
        for item in items(query) {
            firsts.note(item, is_escaped);
        }
        Self {
            since: firsts.since.is_some(),
            full_state: firsts.full_state.is_some_and(|v| query::is(v, "true")),
            from: firsts
                .from
                .is_some_and(|v| !v.is_empty() && !query::is(v, "END")),
            pos: firsts.pos.is_some(),
            timeout: firsts.timeout.and_then(milliseconds),
        }
    }
}

#[derive(Default)]
struct Firsts<'a> {
    since: Option<&'a str>,
    full_state: Option<&'a str>,
    from: Option<&'a str>,
    pos: Option<&'a str>,
    timeout: Option<&'a str>,
}

impl<'a> Firsts<'a> {
    fn note(&mut self, item: &'a str, is_escaped: bool) {
        if let Some((name, place)) = self.place(item.as_bytes())
            && let Some(value) = item.strip_prefix(name)
        {
            place.get_or_insert(value);
        } else if is_escaped {
            self.note_decoded(item);
        }
    }

    /// The only name, with its `=`, that an item without escapes can have: its first bytes tell, and most have none.
    fn place(&mut self, item: &[u8]) -> Option<(&'static str, &mut Option<&'a str>)> {
        match item {
            [b's', b'i', ..] => Some(("since=", &mut self.since)),
            [b'f', b'u', ..] => Some(("full_state=", &mut self.full_state)),
            [b'f', b'r', ..] => Some(("from=", &mut self.from)),
            [b'p', ..] => Some(("pos=", &mut self.pos)),
            [b't', ..] => Some(("timeout=", &mut self.timeout)),
            _ => None,
        }
    }

    fn note_decoded(&mut self, item: &'a str) {
        let Some((raw, value)) = query::pair(item).filter(|(raw, _)| query::escaped(raw)) else {
            return;
        };
        let names = ["since=", "full_state=", "from=", "pos=", "timeout="];
        let is_it = |name: &&str| query::is(raw, &name[..name.len() - 1]);
        let name = names.into_iter().find(is_it);
        if let Some((_, place)) = name.and_then(|name| self.place(name.as_bytes())) {
            place.get_or_insert(value);
        }
    }
}

fn milliseconds(value: &str) -> Option<Duration> {
    let mut digits = Decoded::form(value.as_bytes()).peekable();
    digits.peek()?;
    let number = digits.try_fold(0u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(sum.saturating_mul(10).saturating_add(digit))
    })?;
    Some(Duration::from_millis(number))
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
