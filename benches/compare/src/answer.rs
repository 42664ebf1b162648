//! Reads an answer out of received bytes: its status and body, however the body is framed.

use std::borrow::Cow;

use anyhow::{Context, Result, bail, ensure};
use httparse::{Header, Response, Status};

/// One whole answer.
#[derive(Debug, PartialEq)]
pub struct Answer<'b> {
    pub status: u16,
    pub body: Cow<'b, [u8]>,
    /// Whether the body is compressed.
    pub gzip: bool,
    /// Bytes that the answer took, head and framing included.
    pub length: usize,
}

/// The head of an answer.
#[derive(Debug, PartialEq)]
pub struct Head {
    pub status: u16,
    /// None when the body is chunked.
    pub content_length: Option<u64>,
    /// Whether the body is compressed.
    pub gzip: bool,
    pub length: usize,
}

/// The answer at the start of `bytes`; None when more bytes are needed.
pub fn parse(bytes: &[u8]) -> Result<Option<Answer<'_>>> {
    let Some(head) = parse_head(bytes)? else {
        return Ok(None);
    };
    let rest = &bytes[head.length..];
    let body = match head.content_length {
        Some(length) => rest
            .get(..length as usize)
            .map(|body| (Cow::Borrowed(body), body.len())),
        None => unchunk(rest)?,
    };
    Ok(body.map(|(body, used)| Answer {
        status: head.status,
        body,
        gzip: head.gzip,
        length: head.length + used,
    }))
}

/// The head at the start of `bytes`; None when more bytes are needed.
pub fn parse_head(bytes: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = Response::new(&mut headers);
    let Status::Complete(length) = response.parse(bytes).context("answer is not HTTP")? else {
        return Ok(None);
    };
    let status = response.code.context("answer without a status")?;
    Ok(Some(Head {
        status,
        content_length: content_length(response.headers)?,
        gzip: field(response.headers, "content-encoding") == Some(b"gzip"),
        length,
    }))
}

fn content_length(headers: &[Header<'_>]) -> Result<Option<u64>> {
    if let Some(digits) = field(headers, "content-length") {
        let digits = std::str::from_utf8(digits).context("content-length is not text")?;
        let length = digits.trim().parse();
        return Ok(Some(length.context("content-length is not a number")?));
    }
    ensure!(
        field(headers, "transfer-encoding").is_some(),
        "answer's body has no length"
    );
    Ok(None)
}

fn field<'h>(headers: &[Header<'h>], name: &str) -> Option<&'h [u8]> {
    let mut headers = headers.iter();
    let header = headers.find(|header| header.name.eq_ignore_ascii_case(name));
    header.map(|header| header.value)
}

/// The body behind chunk framing and the bytes it took; None when more bytes are needed.
fn unchunk(bytes: &[u8]) -> Result<Option<(Cow<'_, [u8]>, usize)>> {
    let mut body = Cow::Borrowed(&[][..]);
    let mut at = 0;
    loop {
        let (start, size) = match httparse::parse_chunk_size(&bytes[at..]) {
            Ok(Status::Complete((line, size))) => (at + line, size as usize),
            Ok(Status::Partial) => return Ok(None),
            Err(_) => bail!("bad chunk size"),
        };
        let Some(chunk) = bytes.get(start..start + size + 2) else {
            return Ok(None);
        };
        ensure!(chunk.ends_with(b"\r\n"), "chunk does not end where it said");
        at = start + size + 2;
        match size {
            0 => return Ok(Some((body, at))),
            _ if body.is_empty() => body = Cow::Borrowed(&chunk[..size]),
            _ => body.to_mut().extend_from_slice(&chunk[..size]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";

    #[test]
    fn both_framings_give_the_same_body() {
        for bytes in [PLAIN, CHUNKED] {
            let answer = parse(bytes).unwrap().unwrap();
            assert_eq!((answer.status, &*answer.body), (200, &b"hello"[..]));
            assert_eq!(answer.length, bytes.len());
        }
    }

    #[test]
    fn every_cut_asks_for_more() {
        for bytes in [PLAIN, CHUNKED] {
            for cut in 0..bytes.len() {
                assert_eq!(parse(&bytes[..cut]).unwrap(), None, "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_wrong_chunk_is_an_error() {
        let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n";
        assert!(parse(bytes).is_err());
    }
}
