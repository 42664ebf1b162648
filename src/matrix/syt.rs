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
    let user = &parts[..memchr::memchr(b'_', parts)?];
    let sum = base62(sum.strip_prefix(b"_")?)?;
    if sum != u64::from(crc32fast::hash(checked)) {
        return None;
    }
    Localpart::from_base64(user)
}

fn base62(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |sum, &byte| {
        let digit = DIGITS[usize::from(byte)];
        (digit < 62).then(|| sum * 62 + u64::from(digit))
    })
}

/// The value of each byte as a digit, 62 for what is none. A table: what a random digit is, no branch can guess.
const DIGITS: [u8; 256] = {
    let mut digits = [62; 256];
    let alphabet = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut value = 0;
    while value < 62 {
        digits[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    digits
};
