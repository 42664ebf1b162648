//! Access tokens as Synapse makes them, so that the proxy reads the user from them as it does in earnest.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

/// The token of a user's device: `syt_<localpart in base64>_<20 letters>_<checksum>` (Synapse's `handlers/auth.py`).
pub fn access_token(localpart: &str, device: usize) -> String {
    let body = format!(
        "syt_{}_{}",
        STANDARD_NO_PAD.encode(localpart),
        letters(device)
    );
    format!("{body}_{}", base62(crc32fast::hash(body.as_bytes())))
}

/// Twenty letters, other ones for each device.
fn letters(device: usize) -> String {
    let digits = format!("{device:020}");
    digits
        .bytes()
        .map(|digit| char::from(digit - b'0' + b'a'))
        .collect()
}

/// Six digits, the highest first.
fn base62(mut number: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    digits.iter().map(|&digit| char::from(digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_names_its_user() {
        let token = access_token("a_b", 12);
        let parts: Vec<_> = token.split('_').collect();
        assert_eq!(parts[..3], ["syt", "YV9i", "aaaaaaaaaaaaaaaaaabc"]);
        assert_eq!(parts[3], "4MF12B");
    }
}
