//! Who may change something: whoever has the token, and no page of another site.

use std::fmt;

use axum::{
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use subtle::ConstantTimeEq;

use super::fault;

/// Says from where a browser asks (<https://www.w3.org/TR/fetch-metadata/>).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The token of an admin who may change something; it prints as a mask.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Box<str>);

impl Token {
    /// A token as the configuration has it.
    ///
    /// # Errors
    /// When it is too short to be one, or cannot stand in a header.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        match text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Self(text.into())),
            false => Err(
                "expected at least 16 visible characters, such as `openssl rand -hex 32` prints",
            ),
        }
    }

    /// Takes the same time whether or not a part of it is right.
    fn is(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// Nothing when the request may change something, else its answer.
pub(super) fn refuse(token: Option<&Token>, headers: &HeaderMap) -> Option<Response> {
    if is_cross_site(headers) {
        let message = "a page of another site may change nothing here";
        return Some(fault(StatusCode::FORBIDDEN, message));
    }
    let Some(token) = token else {
        let message =
            "nothing can be changed here; set `admin.token` in the configuration and restart";
        return Some(fault(StatusCode::FORBIDDEN, message));
    };
    if given(headers).is_some_and(|given| token.is(given)) {
        return None;
    }
    let message =
        "the token is missing or wrong; send `Authorization: Bearer` with that of `admin.token`";
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    Some((challenge, fault(StatusCode::UNAUTHORIZED, message)).into_response())
}

fn given(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    value.strip_prefix(b"Bearer ")
}

/// True when a browser says that a page of another site asks; what is no browser says nothing.
fn is_cross_site(headers: &HeaderMap) -> bool {
    let site = headers.get(SEC_FETCH_SITE).map(|site| site.as_bytes());
    let host = headers.get(header::HOST).map(|host| host.as_bytes());
    let origin = headers.get(header::ORIGIN).map(|origin| origin.as_bytes());
    let other_site = site.is_some_and(|site| site != b"same-origin" && site != b"none");
    let other_origin = origin.is_some_and(|origin| without_scheme(origin) != host);
    other_site || other_origin
}

fn without_scheme(origin: &[u8]) -> Option<&[u8]> {
    let scheme = [&b"http://"[..], b"https://"];
    scheme
        .iter()
        .find_map(|scheme| origin.strip_prefix(*scheme))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const RIGHT: (&str, &str) = ("authorization", "Bearer 0123456789abcdef");

    fn status(token: Option<&Token>, fields: &[(&'static str, &'static str)]) -> Option<u16> {
        let fields = fields.iter().chain(&[("host", "lb:9090")]);
        let headers = fields
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        refuse(token, &headers).map(|answer| answer.status().as_u16())
    }

    #[test]
    fn only_the_token_opens_and_never_for_another_site() {
        let token = Token::new("0123456789abcdef").unwrap();
        for (fields, expected) in [
            (&[RIGHT][..], None),
            (&[RIGHT, ("origin", "http://lb:9090")], None),
            (&[RIGHT, ("sec-fetch-site", "same-origin")], None),
            (&[RIGHT, ("sec-fetch-site", "cross-site")], Some(403)),
            (&[RIGHT, ("sec-fetch-site", "same-site")], Some(403)),
            (&[RIGHT, ("origin", "http://evil:9090")], Some(403)),
            (&[RIGHT, ("origin", "null")], Some(403)),
            (&[], Some(401)),
            (&[("authorization", "Bearer 0123456789abcdeF")], Some(401)),
            (&[("authorization", "Bearer 0123456789abcde")], Some(401)),
            (&[("authorization", "Basic 0123456789abcdef")], Some(401)),
        ] {
            assert_eq!(status(Some(&token), fields), expected, "{fields:?}");
        }
        assert_eq!(status(None, &[RIGHT]), Some(403), "no token is configured");
    }

    #[test]
    fn a_token_is_long_and_prints_as_a_mask() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert_eq!(format!("{token:?}"), "Token(***)");
        assert!(Token::new("0123456789abcde").is_err());
        assert!(Token::new("0123456789 abcdef").is_err());
    }
}
