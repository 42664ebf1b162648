//! Fields behind a body.

use super::fields::{MOST, Message, is_any};

/// Fields that say where a message ends or goes: behind a body they would change what was read already
/// (RFC 9110, section 6.5.1).
const NEVER: [&str; 4] = ["authorization", "content-type", "host", "trailer"];

/// Shows each field of a trailer section, its empty line included, that may stand there.
pub fn each_trailer(section: &[u8], mut show: impl FnMut(&str, &[u8])) {
    let mut room = [httparse::EMPTY_HEADER; MOST];
    let Ok(httparse::Status::Complete((_, fields))) = httparse::parse_headers(section, &mut room)
    else {
        return;
    };
    for field in fields {
        let frames = field.name.eq_ignore_ascii_case("content-length")
            || Message::default().take(field) != Ok(false);
        if !frames && !is_any(field.name.as_bytes(), &NEVER) {
            show(field.name, field.value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_frames_or_routes_is_left_out() {
        let mut shown = vec![];
        let section =
            b"x-sum: 1\r\nContent-Length: 9\r\nHost: h\r\nConnection: x\r\nETag: \"a\"\r\n\r\n";
        each_trailer(section, |name, value| {
            shown.push((name.to_owned(), value.to_vec()))
        });
        let expected = [("x-sum", &b"1"[..]), ("ETag", b"\"a\"")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_vec()));
        assert_eq!(shown, expected);
    }
}
