//! The query of a request, read as Twisted's `parse_qs` reads it.

use super::percent::Decoded;

/// Name and value of an item, if it has an `=`. Names are short, so a plain loop finds the end soonest.
fn pair(item: &str) -> Option<(&str, &str)> {
    let equals = item.as_bytes().iter().position(|&byte| byte == b'=')?;
    Some((&item[..equals], &item[equals + 1..]))
}

/// What stands between the separators `&` and `;`, undecoded; without an `=` it is no parameter.
fn items(query: &str) -> Items<'_> {
    Items { rest: Some(query) }
}

struct Items<'a> {
    rest: Option<&'a str>,
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        let Some(end) = memchr::memchr2(b'&', b';', rest.as_bytes()) else {
            self.rest = None;
            return Some(rest);
        };
        self.rest = Some(&rest[end + 1..]);
        Some(&rest[..end])
    }
}

/// The undecoded value of the first parameter with this name.
pub fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    items(query).find_map(|item| value(item, name))
}

/// Looks at one byte of most items: this runs for every request.
fn value<'a>(item: &'a str, name: &str) -> Option<&'a str> {
    let first = item.bytes().next()?;
    if first != b'%' && Some(first) != name.bytes().next() {
        return None;
    }
    let (raw, value) = pair(item)?;
    is(raw.as_bytes(), name.as_bytes()).then_some(value)
}

/// Whether an undecoded name or value stands for this text, which has no space.
pub fn is(raw: &[u8], text: &[u8]) -> bool {
    raw == text || raw.contains(&b'%') && Decoded::form(raw).eq(text.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_separators_and_nameless_items() {
        let pairs = |query| items(query).filter_map(pair);
        let all: Vec<_> = pairs("a=1&b;c=2;;=x&d=&e=f=g").collect();
        assert_eq!(
            all,
            [("a", "1"), ("c", "2"), ("", "x"), ("d", ""), ("e", "f=g")]
        );
        assert_eq!(pairs("").count(), 0);
    }

    #[test]
    fn names_are_decoded_and_keep_their_case() {
        assert!(is(b"%73ince", b"since"));
        assert!(is(b"access%5Ftoken", b"access_token"));
        assert!(!is(b"SINCE", b"since"));
        assert!(!is(b"since%", b"since"));
    }
}
