//! `Forwarded` (RFC 7239), read from the right: what stands to the left of our proxies' part may be anything.

use crate::http1::Request;

/// The value of one parameter in each element, the last element first; none where it is missing, twice there or
/// broken.
pub(super) fn values<'b>(
    request: &Request<'_, 'b>,
    name: &str,
) -> impl Iterator<Item = Option<&'b [u8]>> {
    let fields = request.from_the_right("forwarded");
    let elements = fields.flat_map(|value| Parts {
        rest: Some(value),
        at: b',',
    });
    elements.map(move |element| parameter(element, name))
}

fn parameter<'b>(element: &'b [u8], name: &str) -> Option<&'b [u8]> {
    // From the right an escaped quote cannot be told from the end of a text.
    if element.contains(&b'\\') {
        return None;
    }
    let pairs = Parts {
        rest: Some(element),
        at: b';',
    };
    let mut named = pairs.filter_map(|pair| {
        let equals = memchr::memchr(b'=', pair)?;
        let (key, value) = (pair[..equals].trim_ascii(), &pair[equals + 1..]);
        key.eq_ignore_ascii_case(name.as_bytes())
            .then(|| value.trim_ascii())
    });
    let value = named.next().filter(|_| named.next().is_none())?;
    match value.strip_prefix(b"\"") {
        Some(quoted) => quoted.strip_suffix(b"\""),
        None => Some(value),
    }
}

/// The parts of a list from the right, split outside of quotes.
struct Parts<'b> {
    rest: Option<&'b [u8]>,
    at: u8,
}

impl<'b> Iterator for Parts<'b> {
    type Item = &'b [u8];

    fn next(&mut self) -> Option<&'b [u8]> {
        let rest = self.rest?;
        let mut quoted = false;
        let split = rest.iter().rposition(|&byte| {
            quoted ^= byte == b'"';
            byte == self.at && !quoted
        });
        self.rest = split.map(|at| &rest[..at]);
        Some(split.map_or(rest, |at| &rest[at + 1..]))
    }
}
