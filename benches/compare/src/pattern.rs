//! The contents of the large body: bytes whose place can be told, so that a shifted or lost piece shows.

use std::sync::LazyLock;

/// Length of the large body in bytes: 100 MB.
pub const LENGTH: u64 = 100_000_000;

/// Prime, so that a piece lost at a page or buffer border never goes unseen.
const PERIOD: usize = 65_521;
const LONGEST: usize = 256 * 1024;

static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    (0..PERIOD + LONGEST)
        .map(|at| {
            ((at % PERIOD) as u32)
                .wrapping_mul(2_654_435_761)
                .to_le_bytes()[3]
        })
        .collect()
});

/// The bytes from `offset` on, as many as fit one write and the body still has.
pub fn from(offset: u64) -> &'static [u8] {
    let start = (offset % PERIOD as u64) as usize;
    let left = LENGTH.saturating_sub(offset).min(LONGEST as u64) as usize;
    &BYTES[start..start + left]
}

/// Whether `bytes` are what the body has at `offset`.
pub fn holds(mut offset: u64, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let expected = from(offset);
        let length = expected.len().min(bytes.len());
        if length == 0 || bytes[..length] != expected[..length] {
            return false;
        }
        bytes = &bytes[length..];
        offset += length as u64;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_shows_and_so_does_too_much() {
        assert!(holds(5, &from(5)[..100_000]));
        assert!(!holds(6, &from(5)[..100]));
        assert!(!holds(LENGTH - 1, b"xx"));
        assert_eq!(from(LENGTH), b"");
    }
}
