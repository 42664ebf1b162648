//! Where a body ends.

use super::{Framing, chunked::Chunked};

/// Most bodies have fewer bytes.
const LARGE: u64 = 16 * 1024;

/// A body while it passes: knows how many of the bytes at hand are its own.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    left: Left,
    payload: u64,
    limit: u64,
}

#[derive(Clone, Copy, Debug)]
enum Left {
    Bytes(u64),
    Chunks(Chunked),
    UntilClose,
}

/// Why a body cannot pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// The chunked coding is broken, or has extensions.
    #[error("the chunked coding is broken")]
    Chunk,
    /// More payload than allowed.
    #[error("the body is too large")]
    TooLarge,
}

impl Body {
    /// The body behind a head of that framing, with at most `limit` bytes of payload.
    pub fn new(framing: Framing, limit: u64) -> Self {
        let left = match framing {
            Framing::None => Left::Bytes(0),
            Framing::Length(length) => Left::Bytes(length),
            Framing::Chunked => Left::Chunks(Chunked::START),
            Framing::UntilClose => Left::UntilClose,
        };
        Self {
            left,
            payload: 0,
            limit,
        }
    }

    /// True when no byte is missing; never for a body that ends with its connection.
    pub fn is_whole(&self) -> bool {
        matches!(self.left, Left::Bytes(0) | Left::Chunks(Chunked::End))
    }

    /// True for a body that ends with its connection.
    pub fn ends_with_connection(&self) -> bool {
        matches!(self.left, Left::UntilClose)
    }

    /// Bytes of payload so far, the framing not counted.
    pub fn payload(&self) -> u64 {
        self.payload
    }

    /// True once more has passed than most bodies have.
    pub fn is_large(&self) -> bool {
        self.payload > LARGE
    }

    /// How many bytes at the start of `input` belong to the body; `show` gets each piece of payload among them.
    ///
    /// # Errors
    /// When the framing is broken or the limit is passed.
    pub fn advance(&mut self, input: &[u8], show: impl FnMut(&[u8])) -> Result<usize, BodyFault> {
        self.advance_to_end(input, show, |_| ())
    }

    /// As [`Self::advance`]; `trailer` gets each byte behind the last chunk.
    ///
    /// # Errors
    /// The same.
    pub fn advance_to_end(
        &mut self,
        input: &[u8],
        mut show: impl FnMut(&[u8]),
        trailer: impl FnMut(u8),
    ) -> Result<usize, BodyFault> {
        let mut payload = self.payload;
        let mut count = |piece: &[u8]| {
            payload += piece.len() as u64;
            show(piece);
        };
        let used = match &mut self.left {
            Left::UntilClose => input.len(),
            Left::Bytes(left) => {
                let used = (*left).min(input.len() as u64);
                *left -= used;
                used as usize
            }
            Left::Chunks(chunked) => chunked.advance(input, &mut count, trailer)?,
        };
        if !matches!(self.left, Left::Chunks(_)) {
            count(&input[..used]);
        }
        self.payload = payload;
        match payload > self.limit {
            true => Err(BodyFault::TooLarge),
            false => Ok(used),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_ends_where_it_says() {
        let mut body = Body::new(Framing::Length(5), 100);
        assert_eq!(body.advance(b"hel", |_| ()), Ok(3));
        assert!(!body.is_whole());
        assert_eq!(body.advance(b"lo, next", |_| ()), Ok(2));
        assert!(body.is_whole());
        assert_eq!((body.payload(), body.advance(b"next", |_| ())), (5, Ok(0)));
    }

    #[test]
    fn chunks_count_their_payload_against_the_limit() {
        let mut body = Body::new(Framing::Chunked, 4);
        assert_eq!(body.advance(b"4\r\nfour\r\n", |_| ()), Ok(9));
        assert_eq!(
            body.advance(b"1\r\n5\r\n", |_| ()),
            Err(BodyFault::TooLarge)
        );
    }

    #[test]
    fn a_body_until_close_is_never_whole() {
        let mut body = Body::new(Framing::UntilClose, u64::MAX);
        assert_eq!(body.advance(b"all of it", |_| ()), Ok(9));
        assert!(!body.is_whole() && body.ends_with_connection());
    }
}
