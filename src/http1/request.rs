//! A client's request head.

use httparse::{Error, Status};

use crate::matrix::Authorization;

use super::{
    Framing, Version,
    fields::{Fields, MOST, Message, Room, Unclear, has_bare_lf, is, put, tokens},
};

/// A head may have so many bytes: less than Synapse's 16,384, as ours is a little longer than the client's.
const LONGEST: usize = 16_000;

/// A request head that can be read in one way only; borrows the bytes it was read from.
#[derive(Debug)]
pub struct Request<'h, 'b> {
    /// The method, as sent.
    pub method: &'b str,
    /// The request target, as sent: starts with `/`, visible ASCII that needs no escape.
    pub target: &'b str,
    /// The client's version.
    pub version: Version,
    /// What body follows.
    pub framing: Framing,
    /// True unless the client closes after this request.
    pub keep_alive: bool,
    /// True when the client waits for `100 Continue` (RFC 9110, section 10.1.1).
    pub expects_continue: bool,
    /// The value of `Host`; empty when an HTTP/1.0 client sends none.
    pub host: &'b [u8],
    /// Who the client says it is.
    pub authorization: Authorization<'b>,
    /// Bytes of the head, its empty line included.
    pub len: usize,
    fields: Fields<'h, 'b>,
}

/// Why a request head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// The bytes so far are the start of a head.
    #[error("the head is not whole yet")]
    Partial,
    /// Two parsers could read it differently, or no parser can.
    #[error("{0}")]
    Bad(&'static str),
    /// More bytes or fields than any client sends.
    #[error("the head is too large")]
    TooLarge,
    /// Neither HTTP/1.0 nor HTTP/1.1.
    #[error("HTTP version not supported")]
    Version,
    /// An `Expect` other than `100-continue`.
    #[error("expectation not supported")]
    Expect,
}

impl From<Unclear> for RequestFault {
    fn from(Unclear(why): Unclear) -> Self {
        Self::Bad(why)
    }
}

impl Request<'_, '_> {
    /// Reads the head at the start of `bytes` and lends it to `then`.
    ///
    /// # Errors
    /// [`RequestFault::Partial`] while the empty line has not come, else what is wrong with the head.
    pub fn read<'b, T>(
        bytes: &'b [u8],
        then: impl FnOnce(Request<'_, 'b>) -> T,
    ) -> Result<T, RequestFault> {
        let mut room: Room<'b> = [const { std::mem::MaybeUninit::uninit() }; MOST];
        let mut parsed = httparse::Request::new(&mut []);
        let len = match parsed
            .parse_with_uninit_headers(bytes, &mut room)
            .map_err(fault)?
        {
            Status::Complete(len) if len <= LONGEST => len,
            Status::Partial if bytes.len() < LONGEST => return Err(RequestFault::Partial),
            _ => return Err(RequestFault::TooLarge),
        };
        if has_bare_lf(&bytes[..len]) {
            return Err(RequestFault::Bad("a line ends without CR"));
        }
        let (method, target) = (parsed.method.unwrap_or(""), parsed.path.unwrap_or(""));
        let version = if parsed.version == Some(0) {
            Version::Http10
        } else {
            Version::Http11
        };
        read_fields(method, target, version, parsed.headers, len).map(then)
    }

    /// The value of the first field of that name.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.value(name)
    }

    /// The values of the fields of that name, in order; names are read in any case.
    pub fn values<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s [u8]> {
        let named = self.fields.all.iter().filter(move |field| is(field, name));
        named.map(|field| field.value)
    }

    /// The name in `Host`, without its port and a dot at its end.
    pub fn host_name(&self) -> &[u8] {
        let host = self.host;
        let end = memchr::memrchr(b':', host).filter(|_| host.last() != Some(&b']'));
        let name = &host[..end.unwrap_or(host.len())];
        name.strip_suffix(b".").unwrap_or(name)
    }

    /// The protocol that the client wants to speak from now on (RFC 9110, section 7.8); none where it cannot: behind a
    /// body, in HTTP/1.0, and for HTTP/2, which would pass requests that nobody reads.
    pub fn upgrade(&self) -> Option<&[u8]> {
        let can = self.version == Version::Http11 && self.framing == Framing::None;
        let mut named = self.values("connection").flat_map(tokens);
        let asked = can && named.any(|token| token.eq_ignore_ascii_case(b"upgrade"));
        let mut values = self.values("upgrade");
        let value = values.next().filter(|_| asked && values.next().is_none());
        value.filter(|value| !value.is_empty() && !is_http(value))
    }

    /// Writes the head that the worker gets: the same request line and fields, less those of this connection and
    /// those that say who the client is and name the request, which the caller adds.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.write_to(&[self.target], out);
    }

    /// As [`Self::write`], for the target that these parts make.
    pub fn write_to(&self, target: &[&str], out: &mut Vec<u8>) {
        out.extend_from_slice(self.method.as_bytes());
        out.push(b' ');
        for part in target {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(b" HTTP/1.1\r\n");
        if self.version == Version::Http10 && self.field("host").is_none() {
            // HTTP/1.1 needs one (RFC 9112, section 3.2).
            put(out, "host", b"");
        }
        self.fields.write(out);
        if self.framing == Framing::Chunked {
            put(out, "transfer-encoding", b"chunked");
        }
    }
}

fn read_fields<'h, 'b>(
    method: &'b str,
    target: &'b str,
    version: Version,
    headers: &'h [httparse::Header<'b>],
    len: usize,
) -> Result<Request<'h, 'b>, RequestFault> {
    if method == "CONNECT" {
        // An answer to it has no body, whatever it says (RFC 9112, section 6.3).
        return Err(RequestFault::Bad(
            "CONNECT is for tunnels, and here are none",
        ));
    }
    if !is_origin_form(target) {
        return Err(RequestFault::Bad(
            "the target must be a path in visible ASCII, escaped where it must be",
        ));
    }
    let mut request = Request {
        method,
        target,
        version,
        framing: Framing::None,
        keep_alive: false,
        expects_continue: false,
        host: b"",
        authorization: Authorization::None,
        len,
        fields: Fields::new(headers),
    };
    let mut message = Message::default();
    let mut hosts = 0;
    let mut names_fields = false;
    for (index, field) in headers.iter().enumerate() {
        let passed_on = match field.name.len() {
            4 if is(field, "host") => {
                hosts += 1;
                request.host = field.value;
                check_host(field.value)?
            }
            13 if is(field, "authorization") => request.take_authorization(field.value),
            15 if is(field, "x-forwarded-for") => false,
            17 if is(field, "x-forwarded-proto") => false,
            12 if is(field, "x-request-id") => false,
            16 if is(field, "x-forwarded-host") || is(field, "x-forwarded-port") => false,
            18 if is(field, "x-forwarded-prefix") || is(field, "x-forwarded-server") => false,
            6 if is(field, "expect") => request.take_expect(field.value)?,
            9 if is(field, "forwarded") || is(field, "x-real-ip") => false,
            10 if is(field, "connection") => {
                names_fields |= !field.value.eq_ignore_ascii_case(b"keep-alive");
                !message.take(field)?
            }
            _ => !message.take(field)?,
        };
        if !passed_on {
            request.fields.drop(index);
        }
    }
    if hosts > 1 || (hosts == 0 && version == Version::Http11) {
        return Err(RequestFault::Bad("exactly one Host field is needed"));
    }
    if names_fields {
        request.fields.drop_named()?;
    }
    request.framing = message.framing()?.unwrap_or(Framing::None);
    if version == Version::Http10 && request.framing == Framing::Chunked {
        return Err(RequestFault::Bad("HTTP/1.0 has no chunks"));
    }
    request.keep_alive = version == Version::Http11 && !message.close;
    Ok(request)
}

impl<'b> Request<'_, 'b> {
    /// The values of the fields with this name, the last one first: those that say who asks are read from the right.
    pub fn from_the_right(&self, name: &str) -> impl Iterator<Item = &'b [u8]> {
        let fields = self.fields.all.iter().rev();
        fields
            .filter(move |field| is(field, name))
            .map(|field| field.value)
    }

    fn take_authorization(&mut self, value: &'b [u8]) -> bool {
        self.authorization = match self.authorization {
            Authorization::None => Authorization::One(value),
            Authorization::One(first) | Authorization::Several(first) => {
                Authorization::Several(first)
            }
        };
        true
    }

    fn take_expect(&mut self, value: &[u8]) -> Result<bool, RequestFault> {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(RequestFault::Expect);
        }
        self.expects_continue = self.version == Version::Http11;
        Ok(self.expects_continue)
    }
}

/// `h2c`, and whatever else begins as HTTP's own names.
fn is_http(protocol: &[u8]) -> bool {
    tokens(protocol).any(|token| {
        let named = |name: &[u8]| {
            token.len() >= name.len() && token[..name.len()].eq_ignore_ascii_case(name)
        };
        named(b"h2") || named(b"http")
    })
}

/// A path and query without what every browser encodes (WHATWG URL, path and query state): parsers cut at these bytes
/// or refuse them, `#` above all.
fn is_origin_form(target: &str) -> bool {
    let end = memchr::memchr(b'?', target.as_bytes()).unwrap_or(target.len());
    let (path, query) = target.as_bytes().split_at(end);
    let in_path = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'#' | b'<' | b'>' | b'`');
    let in_query = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'#' | b'<' | b'>' | b'"');
    path.first() == Some(&b'/') && every(path, in_path) && every(query, in_query)
}

/// A host and port hold no space, list, path or user (RFC 9110, section 7.2); true, as it is passed on.
fn check_host(value: &[u8]) -> Result<bool, RequestFault> {
    let allowed = |b: &u8| {
        b.is_ascii_graphic() && !matches!(b, b',' | b'/' | b'?' | b'#' | b'@' | b'\\' | b'"')
    };
    match every(value, allowed) {
        true => Ok(true),
        false => Err(RequestFault::Bad("Host is no host")),
    }
}

/// Looks at all of them, as that takes no branch for each: many go in one step.
#[inline]
fn every(bytes: &[u8], holds: impl Fn(&u8) -> bool) -> bool {
    bytes.iter().fold(true, |all, byte| all & holds(byte))
}

fn fault(error: Error) -> RequestFault {
    match error {
        Error::TooManyHeaders => RequestFault::TooLarge,
        Error::Version => RequestFault::Version,
        Error::HeaderName => RequestFault::Bad("a header name has a forbidden byte"),
        Error::HeaderValue => RequestFault::Bad("a header value has a forbidden byte"),
        Error::NewLine => RequestFault::Bad("a line ends without CR LF"),
        _ => RequestFault::Bad("the request line cannot be read"),
    }
}
