//! Who seems to ask.

use std::fmt;

use super::{Authorization, Localpart, Token, server, syt, token};

/// Who seems to ask: a hint for placement, never a permission.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::large_enum_variant,
    reason = "lives on the stack, for one decision"
)]
pub enum Caller<'a> {
    /// A user, known by localpart.
    User(Localpart),
    /// Someone with a token that does not say whose it is.
    Token(Token<'a>),
    /// Another server, by the name it signs with.
    Server(&'a str),
    /// Nobody, or someone Synapse will answer 401.
    Nobody,
}

impl<'a> Caller<'a> {
    /// Reads the caller from a request's `Authorization` headers and its raw query.
    pub fn new(authorization: Authorization<'a>, query: &'a str) -> Self {
        match authorization {
            Authorization::One(header) | Authorization::Several(header)
                if server::signed(header) =>
            {
                server::origin(header).map_or(Self::Nobody, Self::Server)
            }
            _ => token(authorization, query).map_or(Self::Nobody, Self::with),
        }
    }

    fn with(token: Token<'a>) -> Self {
        token
            .read(syt::localpart)
            .map_or(Self::Token(token), Self::User)
    }
}

/// Who it is; of a token only that there is one.
impl fmt::Display for Caller<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "user {user}"),
            Self::Token(_) => f.write_str("someone with an opaque token"),
            Self::Server(name) => write!(f, "server {name}"),
            Self::Nobody => f.write_str("nobody"),
        }
    }
}
