//! The chunked coding (RFC 9112, section 7.1), without extensions: its bytes pass as they are, once checked.

use super::BodyFault;

/// Trailer fields together may have so many bytes.
const TRAILERS: u32 = 8 * 1024;

/// Digits of a chunk's size; more would not fit any message.
const DIGITS: u8 = 15;

/// Where in the coding the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    Size { size: u64, digits: u8 },
    SizeLf { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    Trailer { bytes: u32 },
    TrailerName { bytes: u32 },
    TrailerValue { bytes: u32 },
    TrailerLf { bytes: u32 },
    LastLf,
    End,
}

impl Chunked {
    pub(super) const START: Self = Self::Size { size: 0, digits: 0 };

    /// Reads `input` up to the end of the coding; returns how many bytes belong to it and shows each piece of payload
    /// and each byte behind the last chunk.
    pub(super) fn advance(
        &mut self,
        input: &[u8],
        mut payload: impl FnMut(&[u8]),
        mut trailer: impl FnMut(u8),
    ) -> Result<usize, BodyFault> {
        let mut at = 0;
        while at < input.len() && *self != Self::End {
            if let Self::Data { left } = *self {
                let piece = &input[at..][..left.min((input.len() - at) as u64) as usize];
                payload(piece);
                at += piece.len();
                *self = match left - piece.len() as u64 {
                    0 => Self::DataCr,
                    left => Self::Data { left },
                };
            } else {
                if self.is_trailer() {
                    trailer(input[at]);
                }
                *self = self.step(input[at]).ok_or(BodyFault::Chunk)?;
                at += 1;
            }
        }
        Ok(at)
    }

    /// The state behind `byte`, which is no payload; none when the coding forbids it here.
    fn step(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Size { size, digits }, _) if byte.is_ascii_hexdigit() && digits < DIGITS => {
                let digit = u64::from(char::from(byte).to_digit(16)?);
                Some(Self::Size {
                    size: size << 4 | digit,
                    digits: digits + 1,
                })
            }
            (Self::Size { size, digits: 1.. }, b'\r') => Some(Self::SizeLf { size }),
            (Self::SizeLf { size: 0 }, b'\n') => Some(Self::Trailer { bytes: 0 }),
            (Self::SizeLf { size }, b'\n') => Some(Self::Data { left: size }),
            (Self::DataCr, b'\r') => Some(Self::DataLf),
            (Self::DataLf, b'\n') => Some(Self::START),
            (Self::LastLf, b'\n') => Some(Self::End),
            _ => self.step_trailer(byte),
        }
    }

    fn is_trailer(self) -> bool {
        matches!(
            self,
            Self::Trailer { .. }
                | Self::TrailerName { .. }
                | Self::TrailerValue { .. }
                | Self::TrailerLf { .. }
                | Self::LastLf
        )
    }

    fn step_trailer(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Trailer { bytes: TRAILERS.. } | Self::TrailerName { bytes: TRAILERS.. }, _) => {
                None
            }
            (Self::TrailerValue { bytes: TRAILERS.. }, _) => None,
            (Self::Trailer { .. }, b'\r') => Some(Self::LastLf),
            (Self::Trailer { bytes }, _) if is_name(byte) => {
                Some(Self::TrailerName { bytes: bytes + 1 })
            }
            (Self::TrailerName { bytes }, b':') => Some(Self::TrailerValue { bytes: bytes + 1 }),
            (Self::TrailerName { bytes }, _) if is_name(byte) => {
                Some(Self::TrailerName { bytes: bytes + 1 })
            }
            (Self::TrailerValue { bytes }, b'\r') => Some(Self::TrailerLf { bytes: bytes + 1 }),
            (Self::TrailerValue { bytes }, _) if is_value(byte) => {
                Some(Self::TrailerValue { bytes: bytes + 1 })
            }
            (Self::TrailerLf { bytes }, b'\n') => Some(Self::Trailer { bytes: bytes + 1 }),
            _ => None,
        }
    }
}

/// A byte of a token (RFC 9110, section 5.6.2).
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A byte of a field value (RFC 9110, section 5.5).
fn is_value(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(input: &[u8]) -> Result<(usize, bool, Vec<u8>), BodyFault> {
        let (mut state, mut body) = (Chunked::START, vec![]);
        let used = state.advance(input, |piece| body.extend_from_slice(piece), |_| ())?;
        Ok((used, state == Chunked::End, body))
    }

    #[test]
    fn reads_chunks_trailers_and_stops_behind_them() {
        for (input, body, used) in [
            ("0\r\n\r\n", "", 5),
            ("5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1", "hello", 15),
            ("A\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n", "0123456789x", 26),
            ("000\r\nx-sum: a b\r\nx: \r\n\r\nrest", "", 24),
        ] {
            let read = read(input.as_bytes()).unwrap();
            assert_eq!(read, (used, true, body.into()), "{input:?}");
        }
    }

    #[test]
    fn refuses_what_parsers_read_differently() {
        for input in [
            "\r\n",
            "5\nhello",
            "5;a=b\r\nhello\r\n",
            "5 \r\nhello",
            " 5\r\nhello",
            "+5\r\nhello",
            "0x5\r\nhello",
            "5\r\nhellox\r\n",
            "5\r\nhello\n",
            "5\r\nhello\r0",
            "g\r\n",
            "1234567890123456\r\n",
            "0\r\n: v\r\n\r\n",
            "0\r\nname\r\n\r\n",
            "0\r\nname : v\r\n\r\n",
            "0\r\n x: folded\r\n\r\n",
            "0\r\nx: a\nb\r\n\r\n",
            "0\r\nx: \0\r\n\r\n",
            "0\r\n\n",
        ] {
            assert_eq!(read(input.as_bytes()), Err(BodyFault::Chunk), "{input:?}");
        }
        let long = format!("0\r\nx: {}\r\n\r\n", "y".repeat(9000));
        assert_eq!(read(long.as_bytes()), Err(BodyFault::Chunk));
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..6),
                              cut in 1usize..20) {
            let mut coded = vec![];
            for chunk in &chunks {
                coded.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                coded.extend_from_slice(chunk);
                coded.extend_from_slice(b"\r\n");
            }
            coded.extend_from_slice(b"0\r\na: b\r\n\r\n");
            let (mut state, mut body) = (Chunked::START, vec![]);
            for piece in coded.chunks(cut) {
                let used = state.advance(piece, |data| body.extend_from_slice(data), |_| ()).unwrap();
                prop_assert_eq!(used, piece.len());
            }
            prop_assert_eq!(state, Chunked::End);
            prop_assert_eq!(body, chunks.concat());
        }

        #[test]
        fn any_bytes_are_read_or_refused(input: Vec<u8>) {
            let _ = read(&input);
        }
    }
}
