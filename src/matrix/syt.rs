//! Synapse's own tokens name their user (`synapse/handlers/auth.py`, `generate_access_token`).

use super::Localpart;

/// Whether a token claims to be one.
pub fn claims(token: &[u8]) -> bool {
    token.starts_with(b"syt_")
}

/// The user a `syt_` token is for, if its check sum is right; anyone can make one, so this only
/// places a request.
pub fn localpart(token: &[u8]) -> Option<Localpart> {
    let (checked, sum) = token.split_at_checked(token.len().checked_sub(7)?)?;
    let parts = checked.strip_prefix(b"syt_")?;
    let (user, random) = parts.split_at(memchr::memchr(b'_', parts)?);
    let sum = base62(sum.strip_prefix(b"_")?)?;
    if memchr::memchr(b'_', &random[1..]).is_some() || sum != u64::from(crc32fast::hash(checked)) {
        return None;
    }
    Localpart::from_base64(user)
}

fn base62(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |sum, &byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        Some(sum * 62 + u64::from(digit))
    })
}
