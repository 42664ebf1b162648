//! Finds the access token where Synapse finds it (`synapse/api/auth/base.py`).

use std::{borrow::Cow, fmt};

use super::{
    percent::{Decoded, fill},
    query,
};

/// The `Authorization` headers of a request.
#[derive(Clone, Copy)]
pub enum Authorization<'a> {
    /// There is none.
    None,
    /// The value of the only one.
    One(&'a [u8]),
    /// There are several, which is fine only for servers with several signing keys; the first.
    Several(&'a [u8]),
}

impl fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::One(_) => "One(***)",
            Self::Several(_) => "Several(***)",
        })
    }
}

/// An access token; it prints as a mask.
#[derive(Clone, Copy)]
pub struct Token<'a> {
    raw: &'a [u8],
    encoded: bool,
}

/// The token Synapse will see, if it will see exactly one.
pub fn token<'a>(authorization: Authorization<'a>, query: &'a str) -> Option<Token<'a>> {
    let token = match (authorization, in_query(query)) {
        (Authorization::None, value) => value.map(Token::encoded),
        (Authorization::One(header), None) => bearer(header),
        _ => None,
    };
    token.filter(|token| !token.raw.is_empty())
}

/// Few queries have a `k` or an escape: the others need no second look.
fn in_query(query: &str) -> Option<&str> {
    memchr::memchr2(b'k', b'%', query.as_bytes())?;
    query::parameter(query, "access_token")
}

/// Case-sensitive, exactly one space.
fn bearer(header: &[u8]) -> Option<Token<'_>> {
    let value = header.strip_prefix(b"Bearer ")?;
    memchr::memchr(b' ', value)
        .is_none()
        .then(|| Token::new(value))
}

impl<'a> Token<'a> {
    /// A token as it stands in a header.
    pub fn new(value: &'a [u8]) -> Self {
        Self {
            raw: value,
            encoded: false,
        }
    }

    fn encoded(value: &'a str) -> Self {
        Self {
            raw: value.as_bytes(),
            encoded: value.contains(['%', '+']),
        }
    }

    /// The token's bytes; allocates only for one that was escaped in a query.
    pub fn bytes(&self) -> Cow<'a, [u8]> {
        if self.encoded {
            Decoded::form(self.raw).collect()
        } else {
            Cow::Borrowed(self.raw)
        }
    }

    /// Passes the token's bytes on without allocating; an escaped one of more than 1,024 bytes
    /// stays escaped.
    pub fn read<T>(&self, reader: impl FnOnce(&[u8]) -> T) -> T {
        if !self.encoded {
            return reader(self.raw);
        }
        let mut buffer = [0; 1024];
        let decoded = fill(Decoded::form(self.raw), &mut buffer);
        reader(decoded.unwrap_or(self.raw))
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opaque token")
    }
}
