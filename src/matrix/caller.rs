//! Who seems to ask.

use std::fmt;

use super::{Authorization, Localpart, Token, UserHash, macaroon, server, syt, token};

/// Who seems to ask: a hint for placement, never a permission. Lives on the stack, for one decision.
#[derive(Debug, Clone, Copy)]
pub enum Caller<'a> {
    /// A user, known by localpart.
    User(Localpart),
    /// An application service that acts as this user.
    Appservice(Localpart),
    /// A user whose token was asked about before.
    Known(UserHash),
    /// Someone with a token that does not say whose it is.
    Token(Token<'a>),
    /// Someone with a token that claims to be Synapse's own, and is not: not worth a question.
    Invalid(Token<'a>),
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
            _ => token(authorization, query).map_or(Self::Nobody, Self::of),
        }
    }

    /// Reads the caller from a token alone.
    pub fn of(token: Token<'a>) -> Self {
        if let Some(user) = token.read(syt::localpart) {
            return Self::User(user);
        }
        if token.read(syt::claims) {
            return Self::Invalid(token);
        }
        let user = token.read(macaroon::localpart);
        user.map_or(Self::Token(token), Self::User)
    }

    /// What the user is placed by, if it is one that we know.
    pub fn user(&self) -> Option<UserHash> {
        match self {
            Self::User(user) | Self::Appservice(user) => Some(user.into()),
            Self::Known(hash) => Some(*hash),
            Self::Token(_) | Self::Invalid(_) | Self::Server(_) | Self::Nobody => None,
        }
    }
}

/// Who it is; of a token only that there is one.
impl fmt::Display for Caller<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "user {user}"),
            Self::Appservice(user) => write!(f, "an appservice as user {user}"),
            Self::Known(hash) => write!(f, "user {hash}, known by an opaque token"),
            Self::Token(_) => f.write_str("someone with an opaque token"),
            Self::Invalid(_) => f.write_str("someone with an invalid token"),
            Self::Server(name) => write!(f, "server {name}"),
            Self::Nobody => f.write_str("nobody"),
        }
    }
}
