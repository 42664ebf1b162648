//! Content codings: their names, and the one that a client wants (RFC 9110, sections 8.4.1 and 12.5.3).

use super::fields::tokens;

/// How a body can be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// RFC 8878.
    Zstd,
    /// RFC 7932.
    Brotli,
    /// RFC 1952.
    Gzip,
}

impl Coding {
    /// Every coding, in the order of bytes saved for the time they take.
    pub const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// The name in `Accept-Encoding` and `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// The coding of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|coding| coding.name() == name)
    }

    /// The one of `ours` that the `Accept-Encoding` of a client likes best, the first of equals.
    pub fn preferred(accept: &[u8], ours: &[Self]) -> Option<Self> {
        let liked = ours
            .iter()
            .rev()
            .map(|&coding| (liking(accept, coding), coding));
        let (liking, coding) = liked.max_by_key(|(liking, _)| *liking)?;
        (liking > 0).then_some(coding)
    }
}

/// How much a client likes a coding, in thousandths; `*` speaks for those that are not named.
fn liking(accept: &[u8], coding: Coding) -> u16 {
    let weight = |name: &str| tokens(accept).find_map(|token| weight(token, name));
    weight(coding.name()).or_else(|| weight("*")).unwrap_or(0)
}

/// The weight of `name`, when `token` is about it.
fn weight(token: &[u8], name: &str) -> Option<u16> {
    let mut parts = token.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let is_named = parts.next()?.eq_ignore_ascii_case(name.as_bytes());
    is_named.then(|| match parts.next() {
        None => 1000,
        Some(quality) => thousandths(quality).unwrap_or(0),
    })
}

/// The value of `q=0.5`, in thousandths.
fn thousandths(quality: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(quality).ok()?;
    let value: f32 = text
        .strip_prefix("q=")
        .or(text.strip_prefix("Q="))?
        .parse()
        .ok()?;
    (0.0..=1.0)
        .contains(&value)
        .then_some((value * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_likes_best() {
        use Coding::{Brotli, Gzip, Zstd};
        for (accept, expected) in [
            ("gzip, deflate, br, zstd", Some(Zstd)),
            ("gzip, deflate, br", Some(Brotli)),
            ("GZIP", Some(Gzip)),
            ("gzip;q=1.0, br;q=0.5", Some(Gzip)),
            ("gzip;q=0, *;q=0.1", Some(Zstd)),
            ("*", Some(Zstd)),
            ("gzip ; q=0.001", Some(Gzip)),
            ("identity", None),
            ("gzip;q=0", None),
            ("gzip;q=nan", None),
            ("gzip;q=2", None),
            ("gzip;level=9", None),
            ("deflate, xgzip", None),
            ("", None),
        ] {
            let preferred = Coding::preferred(accept.as_bytes(), &Coding::ALL);
            assert_eq!(preferred, expected, "{accept}");
        }
        assert_eq!(Coding::preferred(b"gzip, br", &[Gzip, Brotli]), Some(Gzip));
        assert_eq!(Coding::preferred(b"gzip, br", &[]), None);
    }
}
