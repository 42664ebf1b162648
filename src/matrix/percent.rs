//! Percent-decoding without allocating, the way Python's `unquote` does it.

/// The decoded bytes of a percent-encoded text; a broken escape stands for itself.
#[derive(Clone)]
pub struct Decoded<'a> {
    rest: &'a [u8],
    form: bool,
}

impl<'a> Decoded<'a> {
    /// Decodes a piece of a path.
    pub fn path(text: &'a [u8]) -> Self {
        Self {
            rest: text,
            form: false,
        }
    }

    /// Decodes a name or value of a query, where `+` is a space.
    pub fn form(text: &'a [u8]) -> Self {
        Self {
            rest: text,
            form: true,
        }
    }
}

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if let [b'%', high, low, rest @ ..] = self.rest
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            self.rest = rest;
            return Some(high << 4 | low);
        }
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(if first == b'+' && self.form {
            b' '
        } else {
            first
        })
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Writes the bytes to a buffer; none when they do not fit.
pub fn fill(bytes: impl Iterator<Item = u8>, buffer: &mut [u8]) -> Option<&[u8]> {
    let mut len = 0;
    for byte in bytes {
        *buffer.get_mut(len)? = byte;
        len += 1;
    }
    Some(&buffer[..len])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(text: &str) -> Vec<u8> {
        Decoded::path(text.as_bytes()).collect()
    }

    #[test]
    fn escapes_decode_and_broken_ones_stay() {
        let cases: [(&str, &[u8]); 6] = [
            ("%21a%3Ab", b"!a:b"),
            ("%3a%3A", b"::"),
            ("100%", b"100%"),
            ("%2", b"%2"),
            ("%zz%%41", b"%zz%A"),
            ("a+b", b"a+b"),
        ];
        for (text, bytes) in cases {
            assert_eq!(decode(text), bytes, "{text}");
        }
        assert!(Decoded::form(b"a+b%2B").eq(*b"a b+"));
    }

    #[test]
    fn a_small_buffer_is_refused() {
        assert_eq!(fill(Decoded::path(b"abc"), &mut [0; 2]), None);
        assert_eq!(fill(Decoded::path(b"%61b"), &mut [0; 2]), Some(&b"ab"[..]));
    }

    proptest! {
        #[test]
        fn every_escaped_byte_comes_back(bytes: Vec<u8>) {
            let text: String = bytes.iter().map(|b| format!("%{b:02x}")).collect();
            prop_assert_eq!(decode(&text), bytes);
        }
    }
}
