//! One connection to a stand-in worker: reads a request, answers, parks, relays a large body.

use std::io::{self, Read, Write};
use std::sync::atomic::Ordering;

use memchr::memmem;
use mio::event::Event;
use mio::net::TcpStream;

use super::{Shared, answers, large};
use crate::pattern;

/// A connection and what it is in the middle of.
#[derive(Debug)]
pub struct Conn {
    pub stream: TcpStream,
    worker: usize,
    doing: Doing,
    /// The start of a head that did not come whole.
    received: Vec<u8>,
    /// What the socket did not take yet.
    unsent: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Doing {
    Waiting,
    Parked,
    /// The large body goes out; this much is gone.
    Sending(u64),
    Receiving(Upload),
}

#[derive(Debug, Clone, Copy)]
struct Upload {
    got: u64,
    length: u64,
    right: bool,
}

enum Ask {
    Sync,
    LargeSync,
    Park,
    Download,
    Upload,
    Health,
    Version,
    Other,
}

impl Conn {
    pub fn new(stream: TcpStream, worker: usize) -> Conn {
        Conn {
            stream,
            worker,
            doing: Doing::Waiting,
            received: Vec::new(),
            unsent: Vec::new(),
        }
    }

    pub fn is_parked(&self) -> bool {
        matches!(self.doing, Doing::Parked)
    }

    /// Does what the event allows; false when the peer is gone.
    pub fn act(&mut self, event: &Event, scratch: &mut [u8], shared: &Shared) -> io::Result<bool> {
        if event.is_writable() {
            self.flush()?;
        }
        if !event.is_readable() {
            return Ok(true);
        }
        loop {
            let length = match self.stream.read(scratch) {
                Ok(0) => return Ok(false),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            };
            self.take(&scratch[..length], shared)?;
            // A short read emptied the socket; only an end of stream could still wait.
            if length < scratch.len() && !event.is_read_closed() {
                return Ok(true);
            }
        }
    }

    /// Answers a parked request.
    pub fn release(&mut self, shared: &Shared) -> io::Result<()> {
        self.doing = Doing::Waiting;
        self.answer_sync(shared)
    }

    fn take(&mut self, mut bytes: &[u8], shared: &Shared) -> io::Result<()> {
        if let Doing::Receiving(upload) = self.doing {
            bytes = self.receive(upload, bytes)?;
        }
        if bytes.is_empty() {
            return Ok(());
        }
        if self.received.is_empty() {
            let used = self.begin(bytes, shared)?;
            self.received.extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        let mut all = std::mem::take(&mut self.received);
        all.extend_from_slice(bytes);
        let used = self.begin(&all, shared)?;
        all.drain(..used);
        self.received = all;
        Ok(())
    }

    /// Begins to serve the request at the start of `bytes`; returns how many of them it used.
    fn begin(&mut self, bytes: &[u8], shared: &Shared) -> io::Result<usize> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
            return Ok(0);
        };
        let head = end + 4;
        let line = &bytes[..memchr::memchr(b'\r', bytes).unwrap_or(end)];
        let ask = ask(line);
        if !matches!(ask, Ask::Health | Ask::Version) {
            shared.served[self.worker].fetch_add(1, Ordering::Relaxed);
        }
        match ask {
            Ask::Sync => self.answer_sync(shared)?,
            Ask::LargeSync => self.send(&large::ANSWER)?,
            Ask::Park => {
                self.doing = Doing::Parked;
                shared.parked.fetch_add(1, Ordering::Relaxed);
            }
            Ask::Download => {
                self.doing = Doing::Sending(0);
                self.send(&answers::DOWNLOAD_HEAD)?;
                self.flush()?;
            }
            Ask::Upload => {
                let rest = &bytes[head..];
                return Ok(bytes.len() - self.begin_upload(&bytes[..head], rest)?.len());
            }
            Ask::Health => self.send(&answers::json("200 OK", "OK"))?,
            Ask::Version => self.send(&answers::json("200 OK", answers::VERSION))?,
            Ask::Other => self.send(&answers::json("200 OK", "{}"))?,
        }
        Ok(head)
    }

    fn answer_sync(&mut self, shared: &Shared) -> io::Result<()> {
        match shared.chunked.load(Ordering::Relaxed) {
            true => self.send(&answers::SYNC_CHUNKED),
            false => self.send(&answers::SYNC),
        }
    }

    /// Like Synapse, refuses an upload without a Content-Length.
    fn begin_upload<'b>(&mut self, head: &[u8], rest: &'b [u8]) -> io::Result<&'b [u8]> {
        match content_length(head) {
            Some(length) => self.receive(
                Upload {
                    got: 0,
                    length,
                    right: true,
                },
                rest,
            ),
            None => {
                self.send(&answers::json(
                    "400 Bad Request",
                    "{\"errcode\":\"M_UNKNOWN\"}",
                ))?;
                Ok(rest)
            }
        }
    }

    /// Checks one piece of an upload, answers when it was the last; returns what lies behind it.
    fn receive<'b>(&mut self, mut upload: Upload, bytes: &'b [u8]) -> io::Result<&'b [u8]> {
        let left = usize::try_from(upload.length - upload.got).unwrap_or(usize::MAX);
        let (piece, rest) = bytes.split_at(left.min(bytes.len()));
        upload.right &= pattern::holds(upload.got, piece);
        upload.got += piece.len() as u64;
        self.doing = Doing::Receiving(upload);
        if upload.got == upload.length {
            self.doing = Doing::Waiting;
            let status = if upload.right {
                "200 OK"
            } else {
                "400 Bad Request"
            };
            self.send(&answers::json(
                status,
                &format!("{{\"received\":{}}}", upload.got),
            ))?;
        }
        Ok(rest)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = if self.unsent.is_empty() {
            write(&mut self.stream, bytes)?
        } else {
            0
        };
        self.unsent.extend_from_slice(&bytes[sent..]);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.unsent.is_empty() {
            let sent = write(&mut self.stream, &self.unsent)?;
            self.unsent.drain(..sent);
        }
        while let Doing::Sending(gone) = self.doing
            && self.unsent.is_empty()
        {
            let piece = pattern::from(gone);
            let sent = write(&mut self.stream, piece)? as u64;
            self.doing = Doing::Sending(gone + sent);
            if gone + sent == pattern::LENGTH {
                self.doing = Doing::Waiting;
            } else if sent < piece.len() as u64 {
                break;
            }
        }
        Ok(())
    }
}

/// Bytes that the socket took; 0 when it is full.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match stream.write(bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        outcome => outcome,
    }
}

fn ask(line: &[u8]) -> Ask {
    let has = |part: &str| memmem::find(line, part.as_bytes()).is_some();
    match () {
        () if has("/sync?") && has("timeout=30000") => Ask::Park,
        () if has("/sync?") && has("since=s1_large") => Ask::LargeSync,
        () if has("/sync?") => Ask::Sync,
        () if has("/media/download/") => Ask::Download,
        () if line.starts_with(b"POST") && has("/upload?") => Ask::Upload,
        () if has(" /health ") => Ask::Health,
        () if has("/federation/v1/version ") => Ask::Version,
        () => Ask::Other,
    }
}

fn content_length(head: &[u8]) -> Option<u64> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(head).ok()?;
    let header = request
        .headers
        .iter()
        .find(|h| h.name.eq_ignore_ascii_case("content-length"))?;
    std::str::from_utf8(header.value).ok()?.trim().parse().ok()
}
