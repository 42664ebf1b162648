//! Which answers are worth compressing, and into what.

use super::incoming::Incoming;
use crate::{
    http1::{Body, Coding, Framing, Response, Version},
    matrix::Group,
};

/// A shorter body is not worth the work.
const LEAST: u64 = 1024;

/// The coding for an answer whose body begins with `behind`; none when it goes as it is.
pub(super) fn choose(
    request: &Incoming,
    ours: &[Coding],
    response: &Response<'_, '_>,
    behind: &[u8],
) -> Option<Coding> {
    let worth = !ours.is_empty()
        && request.version == Version::Http11
        && !matches!(request.plan.group, Group::Media | Group::MediaAdmin)
        && is_text(response)
        && may_change(response)
        && is_long(response.framing, behind);
    worth.then(|| Coding::preferred(request.field("accept-encoding").as_bytes(), ours))?
}

/// JSON, text, scripts, and pictures that are text; with any parameter.
fn is_text(response: &Response<'_, '_>) -> bool {
    let kind = response.field("content-type").unwrap_or_default();
    let kind = kind.split(|&byte| byte == b';').next().unwrap_or(kind);
    let kind = kind.trim_ascii().to_ascii_lowercase();
    kind.starts_with(b"text/")
        || kind.ends_with(b"+json")
        || kind.ends_with(b"+xml")
        || matches!(
            &*kind,
            b"application/json" | b"application/javascript" | b"application/xml"
        )
}

/// Not compressed yet, not a part, and nobody forbids it.
fn may_change(response: &Response<'_, '_>) -> bool {
    let cache = response.field("cache-control").unwrap_or_default();
    response.status != 206
        && response.field("content-encoding").is_none()
        && response.field("content-range").is_none()
        && !cache
            .windows(12)
            .any(|part| part.eq_ignore_ascii_case(b"no-transform"))
}

/// A body of chunks is long unless it is here whole.
fn is_long(framing: Framing, behind: &[u8]) -> bool {
    match framing {
        Framing::Length(length) => length >= LEAST,
        Framing::Chunked => {
            let mut body = Body::new(framing, u64::MAX);
            body.advance(behind, |_| ()).is_ok() && !(body.is_whole() && body.payload() < LEAST)
        }
        Framing::None | Framing::UntilClose => false,
    }
}
