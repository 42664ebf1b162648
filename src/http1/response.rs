//! A worker's response head.

use httparse::{Error, Status};

use super::{
    Coding, Framing, Version,
    fields::{Fields, MOST, Message, Room, Unclear, has_bare_lf, is, put},
};

/// A response head that can be read in one way only; borrows the bytes it was read from.
#[derive(Debug)]
pub struct Response<'h, 'b> {
    /// The status code, 100 to 999.
    pub status: u16,
    /// What body follows.
    pub framing: Framing,
    /// True unless the worker closes after this response.
    pub keep_alive: bool,
    /// Bytes of the head, its empty line included.
    pub len: usize,
    reason: &'b str,
    fields: Fields<'h, 'b>,
}

/// Why a response head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseFault {
    /// The bytes so far are the start of a head.
    #[error("the head is not whole yet")]
    Partial,
    /// Two parsers could read it differently, or no parser can.
    #[error("{0}")]
    Bad(&'static str),
}

impl From<Unclear> for ResponseFault {
    fn from(Unclear(why): Unclear) -> Self {
        Self::Bad(why)
    }
}

impl Response<'_, '_> {
    /// Reads the head at the start of `bytes`, an answer to HEAD or not, and lends it to `then`.
    ///
    /// # Errors
    /// [`ResponseFault::Partial`] while the empty line has not come, else what is wrong with the head.
    pub fn read<'b, T>(
        bytes: &'b [u8],
        to_head: bool,
        then: impl FnOnce(Response<'_, 'b>) -> T,
    ) -> Result<T, ResponseFault> {
        Self::read_or_switch(bytes, to_head, false, then)
    }

    /// As [`Self::read`], where a 101 may come too if the client `asked` for it.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub fn read_or_switch<'b, T>(
        bytes: &'b [u8],
        to_head: bool,
        asked: bool,
        then: impl FnOnce(Response<'_, 'b>) -> T,
    ) -> Result<T, ResponseFault> {
        let mut room: Room<'b> = [const { std::mem::MaybeUninit::uninit() }; MOST];
        let mut parsed = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let len = match config
            .parse_response_with_uninit_headers(&mut parsed, bytes, &mut room)
            .map_err(fault)?
        {
            Status::Complete(len) => len,
            Status::Partial => return Err(ResponseFault::Partial),
        };
        if has_bare_lf(&bytes[..len]) {
            return Err(ResponseFault::Bad("a line ends without CR"));
        }
        let status = parsed.code.unwrap_or(0);
        let version = if parsed.version == Some(0) {
            Version::Http10
        } else {
            Version::Http11
        };
        let mut response = Response {
            status,
            framing: Framing::None,
            keep_alive: false,
            len,
            reason: parsed.reason.unwrap_or(""),
            fields: Fields::new(parsed.headers),
        };
        if !asked && response.switches() {
            return Err(ResponseFault::Bad("a status that nobody asked for"));
        }
        response.read_fields(version, to_head)?;
        Ok(then(response))
    }

    fn read_fields(&mut self, version: Version, to_head: bool) -> Result<(), ResponseFault> {
        if self.status < 100 {
            return Err(ResponseFault::Bad("a status that nobody asked for"));
        }
        if self.switches() && (version == Version::Http10 || self.field("upgrade").is_none()) {
            return Err(ResponseFault::Bad("101 without the protocol that follows"));
        }
        let mut message = Message::default();
        let mut named = false;
        let all = self.fields.all;
        for (index, field) in all.iter().enumerate() {
            if message.take(field)? {
                self.fields.drop(index);
                named |= field.name.len() == 10;
            }
        }
        if named {
            self.fields.drop_named()?;
        }
        let said = message.framing()?;
        if version == Version::Http10 && said == Some(Framing::Chunked) {
            return Err(ResponseFault::Bad("HTTP/1.0 has no chunks"));
        }
        let bodiless = to_head || self.is_interim() || matches!(self.status, 204 | 304);
        if said.is_some() && (self.is_interim() || self.status == 204) {
            // Readers that believe it wait for what never comes (RFC 9110, section 8.6).
            self.fields.drop_each(b"content-length");
        }
        self.framing = match bodiless {
            true => Framing::None,
            false => said.unwrap_or(Framing::UntilClose),
        };
        self.keep_alive = match version {
            Version::Http11 => !message.close,
            Version::Http10 => message.keep_alive && !message.close,
        } && self.framing != Framing::UntilClose;
        Ok(())
    }

    /// The value of the first field of that name.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.value(name)
    }

    /// The fields that are passed on.
    pub fn passed_on(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let fields = self.fields.passed_on();
        fields.map(|field| (field.name, field.value))
    }

    /// True for a 1xx, which another head follows.
    pub fn is_interim(&self) -> bool {
        self.status < 200
    }

    /// True for a 101: what follows is no HTTP any more.
    pub fn switches(&self) -> bool {
        self.status == 101
    }

    /// Writes the head that a client of `version` gets, with `Connection: close` where the connection ends after it.
    pub fn write(&self, version: Version, close: bool, out: &mut Vec<u8>) {
        self.put_line(out);
        self.fields.write(out);
        if self.framing == Framing::Chunked && version == Version::Http11 {
            put(out, "transfer-encoding", b"chunked");
        }
        match self.field("upgrade").filter(|_| self.switches()) {
            Some(protocol) => {
                put(out, "connection", b"upgrade");
                put(out, "upgrade", protocol);
            }
            None if close => put(out, "connection", b"close"),
            None => {}
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Writes the head for a body that is compressed on its way into chunks: what was said of its bytes holds no more
    /// (RFC 9110, sections 8.4 and 8.8.3).
    pub fn write_coded(&self, coding: Coding, close: bool, out: &mut Vec<u8>) {
        self.put_line(out);
        for field in self.fields.passed_on() {
            match field.name.len() {
                14 if is(field, "content-length") => {}
                13 if is(field, "accept-ranges") => {}
                4 if is(field, "etag") && field.value.starts_with(b"\"") => {
                    put(out, field.name, &[b"W/", field.value].concat());
                }
                _ => put(out, field.name, field.value),
            }
        }
        put(out, "content-encoding", coding.name().as_bytes());
        put(out, "vary", b"Accept-Encoding");
        put(out, "transfer-encoding", b"chunked");
        if close {
            put(out, "connection", b"close");
        }
        out.extend_from_slice(b"\r\n");
    }

    fn put_line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(itoa::Buffer::new().format(self.status).as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.reason.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

fn fault(error: Error) -> ResponseFault {
    ResponseFault::Bad(match error {
        Error::TooManyHeaders => "too many header fields",
        Error::HeaderName => "a header name has a forbidden byte",
        Error::HeaderValue => "a header value has a forbidden byte",
        Error::NewLine => "a line ends without CR LF",
        Error::Status => "the status line cannot be read",
        Error::Version => "HTTP version not supported",
        _ => "the head cannot be read",
    })
}
