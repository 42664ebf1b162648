//! Fields behind a body.

use httparse::Header;

use super::fields::{MOST, Message, is, is_any, put};

/// Fields that say how a message is read, where it goes or who asks: behind a body they would change what was read
/// already (RFC 9110, section 6.5.1).
const NEVER: [&str; 17] = [
    "authorization",
    "content-encoding",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "trailer",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
    "x-request-id",
];

/// Shows each field of a trailer section, its empty line included, that may stand there.
pub fn each_trailer(section: &[u8], mut show: impl FnMut(&str, &[u8])) {
    let mut room = [httparse::EMPTY_HEADER; MOST];
    let Ok(httparse::Status::Complete((_, fields))) = httparse::parse_headers(section, &mut room)
    else {
        return;
    };
    for field in fields.iter().filter(|field| may_trail(field)) {
        show(field.name, field.value);
    }
}

/// Writes these fields as a trailer section, without its empty line; those that may not stand there are left out.
pub fn write_trailers<'f>(fields: impl Iterator<Item = (&'f str, &'f [u8])>, out: &mut Vec<u8>) {
    let fields = fields.map(|(name, value)| Header { name, value });
    for field in fields.filter(may_trail) {
        put(out, field.name, field.value);
    }
}

fn may_trail(field: &Header<'_>) -> bool {
    let frames = is(field, "content-length") || Message::default().take(field) != Ok(false);
    !frames && !is_any(field.name.as_bytes(), &NEVER)
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

    #[test]
    fn a_section_holds_what_may_stand_there() {
        let fields = [
            ("x-sum", "1"),
            ("transfer-encoding", "chunked"),
            ("content-length", "9"),
            ("x-forwarded-for", "192.0.2.1"),
            ("authorization", "Bearer a"),
            ("te", "trailers"),
            ("x-sum", "2"),
        ];
        let mut out = vec![];
        let fields = fields.map(|(name, value)| (name, value.as_bytes()));
        write_trailers(fields.into_iter(), &mut out);
        assert_eq!(out, b"x-sum: 1\r\nx-sum: 2\r\n");
    }
}
