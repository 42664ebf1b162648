//! The head of a request as HTTP/1.1, as it stands: the codec judges it.

use hyper::{HeaderMap, Request, Uri, header};

use crate::http1::Framing;

/// Writes the head; `whole` when no body follows.
pub(super) fn write<B>(request: &Request<B>, whole: bool) -> (Vec<u8>, Framing) {
    let fields = request.headers();
    let framing = framing(fields, whole);
    let mut out = Vec::with_capacity(512);
    put_line(&mut out, request.method().as_str(), request.uri());
    put_host(&mut out, request.uri(), fields);
    for (name, value) in fields {
        if !matches!(*name, header::HOST | header::COOKIE) {
            put(&mut out, name.as_str(), value.as_bytes());
        }
    }
    put_cookies(&mut out, fields);
    if framing == Framing::Chunked {
        put(&mut out, "transfer-encoding", b"chunked");
    }
    out.extend_from_slice(b"\r\n");
    (out, framing)
}

/// How the body is framed behind the head; a length that is a lie is h2's to refuse.
fn framing(fields: &HeaderMap, whole: bool) -> Framing {
    match (whole, fields.contains_key(header::CONTENT_LENGTH)) {
        (true, _) => Framing::None,
        (false, true) => Framing::UntilClose,
        (false, false) => Framing::Chunked,
    }
}

fn put_line(out: &mut Vec<u8>, method: &str, uri: &Uri) {
    // CONNECT has none, and is refused for it.
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    for part in [method, " ", target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// `:authority` is the host; a `Host` beside it that says something else is one too many.
fn put_host(out: &mut Vec<u8>, uri: &Uri, fields: &HeaderMap) {
    let authority = uri
        .authority()
        .map(|authority| authority.as_str().as_bytes());
    if let Some(authority) = authority {
        put(out, "host", authority);
    }
    let hosts = fields.get_all(header::HOST).iter().map(AsRef::as_ref);
    for host in hosts.filter(|host: &&[u8]| Some(*host) != authority) {
        put(out, "host", host);
    }
}

/// Clients may send each cookie in a field of its own (RFC 9113, section 8.2.3).
fn put_cookies(out: &mut Vec<u8>, fields: &HeaderMap) {
    let cookies = fields.get_all(header::COOKIE).iter();
    let cookies: Vec<&[u8]> = cookies.map(AsRef::as_ref).collect();
    if !cookies.is_empty() {
        put(out, "cookie", &cookies.join(&b"; "[..]));
    }
}

fn put(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(uri: &str, fields: &[(&str, &str)], whole: bool) -> String {
        let mut request = Request::builder().uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (head, _) = write(&request.body(()).unwrap(), whole);
        String::from_utf8(head).unwrap()
    }

    #[test]
    fn pseudo_fields_become_line_and_host() {
        assert_eq!(
            written("https://hs:8448/_matrix/x?a=%2F", &[("a", "b")], true),
            "GET /_matrix/x?a=%2F HTTP/1.1\r\nhost: hs:8448\r\na: b\r\n\r\n"
        );
    }

    #[test]
    fn one_host_is_one_and_two_are_two() {
        let same = written("http://hs/", &[("host", "hs")], true);
        assert_eq!(same, "GET / HTTP/1.1\r\nhost: hs\r\n\r\n");
        let other = written("http://hs/", &[("host", "evil")], true);
        assert_eq!(other, "GET / HTTP/1.1\r\nhost: hs\r\nhost: evil\r\n\r\n");
        let alone = written("/", &[("host", "hs")], true);
        assert_eq!(alone, "GET / HTTP/1.1\r\nhost: hs\r\n\r\n");
    }

    #[test]
    fn cookies_are_joined() {
        let head = written("http://hs/", &[("cookie", "a=1"), ("cookie", "b=2")], true);
        assert!(head.ends_with("\r\ncookie: a=1; b=2\r\n\r\n"), "{head}");
    }

    #[test]
    fn a_body_without_a_length_is_chunked() {
        let head = written("http://hs/", &[], false);
        assert!(
            head.ends_with("transfer-encoding: chunked\r\n\r\n"),
            "{head}"
        );
        let head = written("http://hs/", &[("content-length", "5")], false);
        assert!(!head.contains("chunked"), "{head}");
    }
}
