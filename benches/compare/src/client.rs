//! A client that waits: one connection, one request at a time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::answer::{self, Head};
use crate::{pattern, request};

/// One kept connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    proxy: SocketAddr,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects to `proxy`.
    pub fn connect(proxy: SocketAddr) -> Result<Client> {
        let stream = TcpStream::connect(proxy).context("connect to the proxy")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_write_timeout(Some(Duration::from_secs(20)))?;
        Ok(Client {
            stream,
            proxy,
            buffer: vec![0; 256 * 1024],
        })
    }

    /// Sends a request without a body; returns the body of its answer.
    pub fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.stream.write_all(request).context("send a request")?;
        self.small_answer()
    }

    /// Downloads the large body; returns how long it took from the first byte sent.
    pub fn download(&mut self) -> Result<Duration> {
        let begun = Instant::now();
        self.stream
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
        self.stream.write_all(&head).context("announce an upload")?;
        let mut sent = 0;
        while sent < pattern::LENGTH {
            let piece = pattern::from(sent);
            if let Err(error) = self.stream.write_all(piece) {
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
        let mut filled = 0;
        loop {
            filled += self.read(filled)?;
            if let Some(answer) = answer::parse(&self.buffer[..filled])? {
                ensure!(answer.status == 200, "status {}", answer.status);
                return Ok(answer.body.into_owned());
            }
        }
    }

    fn read(&mut self, at: usize) -> Result<usize> {
        let length = self
            .stream
            .read(&mut self.buffer[at..])
            .context("receive an answer")?;
        ensure!(length > 0, "the proxy closed a connection");
        Ok(length)
    }
}
