//! Access tokens as Synapse makes them (`handlers/auth.py`).

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

/// A token of user number `n`.
pub fn of_user(n: usize) -> String {
    let name = STANDARD_NO_PAD.encode(format!("user{n:05}"));
    let body = format!("syt_{name}_abcdefghijklmnopqrst");
    format!("{body}_{}", base62(crc32fast::hash(body.as_bytes())))
}

/// Six digits, the highest first.
fn base62(number: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let digit = |place: u32| char::from(DIGITS[(number / 62_u32.pow(place) % 62) as usize]);
    (0..6).rev().map(digit).collect()
}
