//! Header fields that both heads share: which to drop, lengths, codings, tokens.

use std::mem::MaybeUninit;

use httparse::Header;

use super::Framing;

/// Fields that a head may have at most.
pub(super) const MOST: usize = 100;

pub(super) type Room<'b> = [MaybeUninit<Header<'b>>; MOST];

/// The fields of a head, and which of them are not passed on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'h, 'b> {
    pub(super) all: &'h [Header<'b>],
    dropped: u128,
}

/// What `Content-Length`, `Transfer-Encoding` and `Connection` say.
#[derive(Debug, Default)]
pub(super) struct Message {
    length: Option<u64>,
    chunked: bool,
    pub(super) close: bool,
    pub(super) keep_alive: bool,
}

/// Why the fields cannot be read in one way only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclear(pub(super) &'static str);

impl<'h, 'b> Fields<'h, 'b> {
    pub(super) fn new(all: &'h [Header<'b>]) -> Self {
        Self { all, dropped: 0 }
    }

    pub(super) fn drop(&mut self, index: usize) {
        self.dropped |= 1 << index;
    }

    /// Drops every field that `Connection` names (RFC 9110, section 7.6.1); naming one that both sides must see is
    /// an attack and is refused.
    pub(super) fn drop_named(&mut self) -> Result<(), Unclear> {
        for connection in self.all.iter().filter(|field| is(field, "connection")) {
            for token in tokens(connection.value) {
                self.drop_one(token)?;
            }
        }
        Ok(())
    }

    fn drop_one(&mut self, name: &[u8]) -> Result<(), Unclear> {
        if is_any(name, &END_TO_END) {
            return Err(Unclear("Connection names a field that must be passed on"));
        }
        self.drop_each(name);
        Ok(())
    }

    /// Drops every field of that name.
    pub(super) fn drop_each(&mut self, name: &[u8]) {
        for (index, field) in self.all.iter().enumerate() {
            if field.name.as_bytes().eq_ignore_ascii_case(name) {
                self.drop(index);
            }
        }
    }

    /// The value of the first field of that name, whether it is passed on or not.
    pub(super) fn value(&self, name: &str) -> Option<&'b [u8]> {
        let field = self.all.iter().find(|field| is(field, name));
        field.map(|field| field.value)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for field in self.passed_on() {
            put(out, field.name, field.value);
        }
    }

    /// Those that are passed on.
    pub(super) fn passed_on(&self) -> impl Iterator<Item = &'h Header<'b>> {
        let dropped = self.dropped;
        let all = self.all.iter().enumerate();
        all.filter(move |(index, _)| dropped & (1 << index) == 0)
            .map(|(_, field)| field)
    }
}

impl Message {
    /// Takes one of the fields that say how the message is framed; true when the field is not passed on.
    pub(super) fn take(&mut self, field: &Header<'_>) -> Result<bool, Unclear> {
        match field.name.len() {
            14 if is(field, "content-length") => self.take_length(field.value).map(|()| false),
            17 if is(field, "transfer-encoding") => self.take_coding(field.value).map(|()| true),
            10 if is(field, "connection") => {
                for token in tokens(field.value) {
                    self.close |= token.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                }
                Ok(true)
            }
            length if LENGTHS & 1 << length.min(31) != 0 => {
                Ok(is_any(field.name.as_bytes(), &HOP_BY_HOP))
            }
            _ => Ok(false),
        }
    }

    /// The framing that the fields agree on, if any speaks of one.
    pub(super) fn framing(&self) -> Result<Option<Framing>, Unclear> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err(Unclear("Content-Length and Transfer-Encoding together")),
            (Some(0), false) => Ok(Some(Framing::None)),
            (Some(length), false) => Ok(Some(Framing::Length(length))),
            (None, true) => Ok(Some(Framing::Chunked)),
            (None, false) => Ok(None),
        }
    }

    fn take_length(&mut self, value: &[u8]) -> Result<(), Unclear> {
        if self.length.is_some() {
            return Err(Unclear("two Content-Length fields"));
        }
        self.length = Some(number(value).ok_or(Unclear("Content-Length is no number"))?);
        Ok(())
    }

    fn take_coding(&mut self, value: &[u8]) -> Result<(), Unclear> {
        if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Unclear("the only Transfer-Encoding is chunked, once"));
        }
        self.chunked = true;
        Ok(())
    }
}

/// Fields of one connection (RFC 9110, section 7.6.1), besides those that `Message` reads.
const HOP_BY_HOP: [&str; 6] = [
    "keep-alive",
    "proxy-connection",
    "te",
    "upgrade",
    "proxy-authenticate",
    "proxy-authorization",
];

/// A bit for the length of each name in `HOP_BY_HOP`: most fields have another and need no second look.
const LENGTHS: u32 = {
    let (mut lengths, mut index) = (0, 0);
    while index < HOP_BY_HOP.len() {
        lengths |= 1 << HOP_BY_HOP[index].len();
        index += 1;
    }
    lengths
};

/// Fields that a `Connection` header must not take away.
const END_TO_END: [&str; 8] = [
    "authorization",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "transfer-encoding",
    "x-forwarded-for",
    "x-forwarded-proto",
];

pub(super) fn is(field: &Header<'_>, name: &str) -> bool {
    field.name.eq_ignore_ascii_case(name)
}

pub(super) fn put(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The parts of a comma-separated list, without the space around them; empty parts are no parts.
pub(super) fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&b| b == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
}

/// True when a line of a head ends in LF without CR, which parsers read differently. Looks at all bytes, as that takes
/// no branch for each of them.
pub(super) fn has_bare_lf(head: &[u8]) -> bool {
    let pairs = head.iter().zip(head.iter().skip(1));
    let is_bare = |(&before, &byte): (&u8, &u8)| byte == b'\n' && before != b'\r';
    head.first() == Some(&b'\n') || pairs.fold(false, |found, pair| found | is_bare(pair))
}

pub(super) fn is_any(name: &[u8], names: &[&str]) -> bool {
    names
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// Digits only: no sign, no space, no list.
fn number(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(value).ok()?.parse().ok())?
}
