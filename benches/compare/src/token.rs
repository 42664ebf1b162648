//! Access tokens as Synapse writes them (`handlers/auth.py`), so that every proxy reads a user in them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The token of user number `n`: `syt_<localpart>_<20 letters>_<checksum>`.
pub fn of_user(n: usize) -> String {
    let localpart = STANDARD_NO_PAD.encode(format!("user{n:05}"));
    let base = format!("syt_{localpart}_{}", letters(n as u64));
    let checksum = base62(crc32fast::hash(base.as_bytes()));
    format!("{base}_{checksum}")
}

/// Twenty letters that look random and are the same in every run.
fn letters(seed: u64) -> String {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut letter = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let n = (state >> 33) as u8 % 52;
        char::from(if n < 26 { b'a' + n } else { b'A' + n - 26 })
    };
    (0..20).map(|_| letter()).collect()
}

/// Six characters, padded with zeros.
fn base62(mut number: u32) -> String {
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[number as usize % 62];
        number /= 62;
    }
    digits.iter().map(|&digit| char::from(digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_four_parts_and_its_checksum_holds() {
        let token = of_user(7);
        let parts: Vec<&str> = token.split('_').collect();
        assert_eq!(parts.len(), 4);
        assert_eq!(STANDARD_NO_PAD.decode(parts[1]).unwrap(), b"user00007");
        assert_eq!(parts[2].len(), 20);
        let base = token.rsplit_once('_').unwrap().0;
        assert_eq!(parts[3], base62(crc32fast::hash(base.as_bytes())));
    }

    #[test]
    fn base62_counts_as_synapse_does() {
        assert_eq!(base62(0), "000000");
        assert_eq!(base62(61), "00000z");
        assert_eq!(base62(62), "000010");
    }

    #[test]
    fn users_differ() {
        assert_ne!(of_user(1), of_user(2));
    }
}
