//! A client that waits: one connection, one request at a time.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use rustls::ClientConfig;

use crate::answer::{self, Head};
use crate::wire::Wire;
use crate::{pattern, request};

/// One kept connection.
#[derive(Debug)]
pub struct Client {
    wire: Wire,
    proxy: SocketAddr,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects to `proxy`, with TLS where there is a client for that.
    pub fn connect(proxy: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> Result<Client> {
        Ok(Client {
            wire: Wire::connect(proxy, tls)?,
            proxy,
            buffer: vec![0; 256 * 1024],
        })
    }

    /// Sends a request without a body; returns the body of its answer.
    pub fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.wire.write_all(request).context("send a request")?;
        self.small_answer()
    }

    /// As [`Client::ask`], for an answer that must come as gzip; also returns how long its body was on the wire.
    pub fn ask_for_gzip(&mut self, request: &[u8]) -> Result<(Vec<u8>, usize)> {
        self.wire.write_all(request).context("send a request")?;
        let (packed, gzip) = self.answer()?;
        ensure!(gzip, "the proxy did not compress");
        let mut body = Vec::new();
        GzDecoder::new(&*packed)
            .read_to_end(&mut body)
            .context("gunzip an answer")?;
        Ok((body, packed.len()))
    }

    /// Downloads the large body; returns how long it took from the first byte sent.
    pub fn download(&mut self) -> Result<Duration> {
        let begun = Instant::now();
        self.wire
            .write_all(&request::download(self.proxy, 0))
            .context("ask for the large body")?;
        let (head, mut filled) = self.head()?;
        ensure!(
            head.status == 200,
            "status {} for the large body",
            head.status
        );
        ensure!(
            head.content_length == Some(pattern::LENGTH),
            "the large body has another length"
        );
        let mut from = head.length;
        let mut got = 0;
        loop {
            let piece = &self.buffer[from..filled];
            ensure!(
                pattern::holds(got, piece),
                "the large body differs near byte {got}"
            );
            got += piece.len() as u64;
            if got == pattern::LENGTH {
                return Ok(begun.elapsed());
            }
            from = 0;
            filled = self.read(0)?;
        }
    }

    /// Uploads the large body; returns how long it took until its answer was here.
    pub fn upload(&mut self) -> Result<Duration> {
        let begun = Instant::now();
        let head = request::upload(self.proxy, 0, pattern::LENGTH);
        self.wire.write_all(&head).context("announce an upload")?;
        let mut sent = 0;
        while sent < pattern::LENGTH {
            let piece = pattern::from(sent);
            if let Err(error) = self.wire.write_all(piece) {
                bail!(
                    "upload broke near byte {sent}: {error}; answer: {:?}",
                    self.small_answer()
                );
            }
            sent += piece.len() as u64;
        }
        let body = self.small_answer()?;
        let expected = format!("{{\"received\":{}}}", pattern::LENGTH);
        ensure!(body == expected.as_bytes(), "wrong answer to an upload");
        Ok(begun.elapsed())
    }

    /// A head and how many bytes of the buffer are filled, body included.
    fn head(&mut self) -> Result<(Head, usize)> {
        let mut filled = 0;
        loop {
            filled += self.read(filled)?;
            if let Some(head) = answer::parse_head(&self.buffer[..filled])? {
                return Ok((head, filled));
            }
        }
    }

    fn small_answer(&mut self) -> Result<Vec<u8>> {
        Ok(self.answer()?.0)
    }

    /// The body of an answer, and whether it is compressed.
    fn answer(&mut self) -> Result<(Vec<u8>, bool)> {
        let mut filled = 0;
        loop {
            filled += self.read(filled)?;
            if let Some(answer) = answer::parse(&self.buffer[..filled])? {
                ensure!(answer.status == 200, "status {}", answer.status);
                return Ok((answer.body.into_owned(), answer.gzip));
            }
        }
    }

    fn read(&mut self, at: usize) -> Result<usize> {
        if at == self.buffer.len() {
            self.buffer.resize(2 * at, 0);
        }
        let length = self
            .wire
            .read(&mut self.buffer[at..])
            .context("receive an answer")?;
        ensure!(length > 0, "the proxy closed a connection");
        Ok(length)
    }
}
