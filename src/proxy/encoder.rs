//! A body on its way into a coding: what came so far can always be read at the other end.

use std::{
    cell::Cell,
    io::{self, Write},
    rc::Rc,
};

use flate2::write::GzEncoder;

use crate::http1::Coding;

/// As small as nginx makes it at level 1, its default; level 1 of zlib-rs is hastier than that.
const GZIP: u32 = 2;

/// Levels that cost about as much time.
const BROTLI: u32 = 2;
const ZSTD: i32 = 1;

/// The window of Brotli, as a power of two: larger ones hold megabytes for each answer that is under way.
const WINDOW: u32 = 18;

/// So many answers at a time are compressed on one thread; others go as they are. Each holds up to a megabyte.
const MOST: usize = 64;

/// Compresses one body into chunks.
pub(super) struct Encoder {
    coding: Coding,
    writer: Writer,
    /// Something was taken since the last chunk.
    holds: bool,
    /// Bytes of payload that came out of it.
    written: u64,
    _place: Place,
}

enum Writer {
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Gzip(GzEncoder<Vec<u8>>),
}

/// One of the places for answers that are compressed.
struct Place(Rc<Cell<usize>>);

impl Encoder {
    /// An encoder, if this thread has a place for one.
    pub(super) fn new(coding: Coding) -> Option<Self> {
        let place = Place::take()?;
        let out = Vec::new();
        let writer = match coding {
            Coding::Zstd => Writer::Zstd(zstd::stream::write::Encoder::new(out, ZSTD).ok()?),
            Coding::Brotli => Writer::Brotli(Box::new(brotli::CompressorWriter::new(
                out, 4096, BROTLI, WINDOW,
            ))),
            Coding::Gzip => Writer::Gzip(GzEncoder::new(out, flate2::Compression::new(GZIP))),
        };
        Some(Self {
            coding,
            writer,
            holds: false,
            written: 0,
            _place: place,
        })
    }

    /// What it compresses into.
    pub(super) fn coding(&self) -> Coding {
        self.coding
    }

    /// Takes a piece of the body.
    ///
    /// # Errors
    /// When the coder fails, which none does for want of anything but memory.
    pub(super) fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        self.holds |= !piece.is_empty();
        self.writer.stream().write_all(piece)
    }

    /// Adds all that was taken to `out`, as a chunk.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if std::mem::take(&mut self.holds) {
            self.writer.stream().flush()?;
            self.put_chunk(out);
        }
        Ok(())
    }

    /// Adds the rest to `out`, and the end of the chunks.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.writer.finish()?;
        self.put_chunk(out);
        out.extend_from_slice(b"0\r\n\r\n");
        Ok(())
    }

    /// Bytes of payload that came out so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    fn put_chunk(&mut self, out: &mut Vec<u8>) {
        let bytes = self.writer.bytes();
        if bytes.is_empty() {
            return;
        }
        self.written += bytes.len() as u64;
        // A vector takes every write.
        let _ = write!(out, "{:x}\r\n", bytes.len());
        out.extend_from_slice(bytes);
        out.extend_from_slice(b"\r\n");
        bytes.clear();
    }
}

impl Writer {
    fn stream(&mut self) -> &mut dyn Write {
        match self {
            Self::Zstd(writer) => writer,
            Self::Brotli(writer) => writer,
            Self::Gzip(writer) => writer,
        }
    }

    /// What came out.
    fn bytes(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Zstd(writer) => writer.get_mut(),
            Self::Brotli(writer) => writer.get_mut(),
            Self::Gzip(writer) => writer.get_mut(),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Zstd(writer) => writer.do_finish(),
            Self::Gzip(writer) => writer.try_finish(),
            Self::Brotli(writer) => {
                // Brotli's writer ends its stream only as it is taken apart.
                let empty = brotli::CompressorWriter::new(Vec::new(), 16, 0, WINDOW);
                let rest = std::mem::replace(&mut **writer, empty).into_inner();
                *writer.get_mut() = rest;
                Ok(())
            }
        }
    }
}

impl Place {
    fn take() -> Option<Self> {
        thread_local! { static TAKEN: Rc<Cell<usize>> = Rc::default(); }
        let taken = TAKEN.with(Rc::clone);
        let is_free = taken.get() < MOST;
        is_free.then(|| {
            taken.set(taken.get() + 1);
            Self(taken)
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;
    use crate::http1::{Body, Framing};

    /// Takes the chunks away.
    fn payload(chunks: &[u8]) -> Vec<u8> {
        let (mut body, mut payload) = (Body::new(Framing::Chunked, u64::MAX), vec![]);
        let used = body.advance(chunks, |piece| payload.extend_from_slice(piece));
        assert_eq!(used, Ok(chunks.len()));
        payload
    }

    fn decoded(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        let mut plain = vec![];
        // A body that has not ended yet gives what it has, and then the error of a missing end.
        let _ = match coding {
            Coding::Zstd => zstd::stream::read::Decoder::new(bytes)
                .unwrap()
                .read_to_end(&mut plain),
            Coding::Brotli => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut plain),
            Coding::Gzip => flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain),
        };
        plain
    }

    #[test]
    fn what_was_flushed_can_be_read_before_the_end() {
        for coding in Coding::ALL {
            let (mut encoder, mut out) = (Encoder::new(coding).unwrap(), vec![]);
            encoder.take(b"{\"next_batch\":").unwrap();
            encoder.flush(&mut out).unwrap();
            assert_eq!(
                decoded(coding, &payload(&out)),
                b"{\"next_batch\":",
                "{coding:?}"
            );
            encoder.take(b"\"s1\"}").unwrap();
            encoder.finish(&mut out).unwrap();
            assert!(out.ends_with(b"\r\n0\r\n\r\n"));
            let body = payload(&out);
            assert_eq!(body.len() as u64, encoder.written());
            assert_eq!(
                decoded(coding, &body),
                b"{\"next_batch\":\"s1\"}",
                "{coding:?}"
            );
        }
    }

    #[test]
    fn so_many_at_a_time_and_no_more() {
        let all: Vec<_> = (0..MOST)
            .map_while(|_| Encoder::new(Coding::Gzip))
            .collect();
        assert_eq!(all.len(), MOST);
        assert!(Encoder::new(Coding::Zstd).is_none());
        drop(all);
        assert!(Encoder::new(Coding::Zstd).is_some());
    }

    proptest! {
        #[test]
        fn every_body_comes_out_as_it_went_in(pieces: Vec<Vec<u8>>, coding in 0usize..3) {
            let coding = Coding::ALL[coding];
            let (mut encoder, mut out) = (Encoder::new(coding).unwrap(), vec![]);
            for piece in &pieces {
                encoder.take(piece).unwrap();
                encoder.flush(&mut out).unwrap();
            }
            encoder.finish(&mut out).unwrap();
            prop_assert_eq!(decoded(coding, &payload(&out)), pieces.concat());
        }
    }
}
