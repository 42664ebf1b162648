//! The load: keep-alive connections in a closed loop, every answer checked.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustls::ClientConfig;

use crate::answer;
use crate::pace::Pace;
use crate::standin::SYNC_BODY;
use crate::wire::Wire;

/// A run that hears nothing for this long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Open connections to one proxy.
#[derive(Debug)]
pub struct Load {
    poll: Poll,
    conns: Vec<Conn>,
    scratch: Vec<u8>,
    next: usize,
}

#[derive(Debug)]
struct Conn {
    wire: Wire,
    /// The start of an answer that did not come whole.
    received: Vec<u8>,
    busy: bool,
}

impl Load {
    /// Opens `count` connections to `proxy`, with TLS where there is a client for that.
    pub fn connect(
        proxy: SocketAddr,
        count: usize,
        tls: Option<&Arc<ClientConfig>>,
    ) -> Result<Load> {
        let poll = Poll::new().context("make a poll")?;
        let mut conns = Vec::with_capacity(count);
        for index in 0..count {
            let wire = Wire::connect(proxy, tls)?;
            wire.wait_no_more()?;
            let socket = wire.as_raw_fd();
            poll.registry()
                .register(&mut SourceFd(&socket), Token(index), Interest::READABLE)?;
            conns.push(Conn {
                wire,
                received: Vec::new(),
                busy: false,
            });
        }
        Ok(Load {
            poll,
            conns,
            scratch: vec![0; 64 * 1024],
            next: 0,
        })
    }

    /// Sends `total` of `requests` in turn, one at a time on each connection; returns how long it took.
    pub fn run(&mut self, requests: &[Vec<u8>], total: usize) -> Result<Duration> {
        let begun = Instant::now();
        let mut unsent = total;
        let mut missing = total;
        for index in 0..self.conns.len().min(total) {
            self.send(index, requests)?;
            unsent -= 1;
        }
        let mut events = Events::with_capacity(self.conns.len());
        while missing > 0 {
            self.poll(&mut events)
                .with_context(|| format!("{missing} of {total} answers missing"))?;
            for event in &events {
                let index = event.token().0;
                if !self.conns[index].answered(&mut self.scratch)? {
                    continue;
                }
                missing -= 1;
                if unsent > 0 {
                    self.send(index, requests)?;
                    unsent -= 1;
                }
            }
        }
        Ok(begun.elapsed())
    }

    /// Sends `total` of `requests` in turn, `rate` of them a second, whether or not earlier ones are answered; one that
    /// finds no connection free is sent on the next that is.
    pub fn run_paced(&mut self, requests: &[Vec<u8>], total: usize, rate: u32) -> Result<()> {
        let longest = Duration::from_secs_f64(2.0 * total as f64 / f64::from(rate)) + PATIENCE;
        let pace = Pace::start(&self.poll, rate)?;
        let mut events = Events::with_capacity(self.conns.len() + 1);
        let (begun, mut due, mut sent, mut missing) = (Instant::now(), 0, 0, total);
        while sent < total {
            self.poll(&mut events)?;
            for event in &events {
                match event.token() {
                    Pace::TOKEN => due = total.min(due + pace.due()?),
                    Token(index) => {
                        missing -= usize::from(self.conns[index].answered(&mut self.scratch)?)
                    }
                }
            }
            while sent < due && self.send_where_free(requests)? {
                sent += 1;
            }
            ensure!(begun.elapsed() < longest, "it cannot keep this rate");
        }
        pace.stop(&self.poll)?;
        self.receive(missing)
    }

    /// Sends on the next connection that waits for nothing; false when there is none.
    fn send_where_free(&mut self, requests: &[Vec<u8>]) -> Result<bool> {
        let count = self.conns.len();
        let mut places = (self.next..self.next + count).map(|place| place % count);
        let Some(free) = places.find(|&place| !self.conns[place].busy) else {
            return Ok(false);
        };
        self.send(free, requests)?;
        Ok(true)
    }

    /// Sends one request on each connection and does not wait for an answer.
    pub fn send_all(&mut self, requests: &[Vec<u8>]) -> Result<()> {
        (0..self.conns.len()).try_for_each(|index| self.send(index, requests))
    }

    /// Waits for the answers to [`Load::send_all`].
    pub fn receive_all(&mut self) -> Result<()> {
        self.receive(self.conns.len())
    }

    fn receive(&mut self, mut missing: usize) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        while missing > 0 {
            self.poll(&mut events)
                .with_context(|| format!("{missing} answers missing"))?;
            for event in &events {
                missing -= usize::from(self.conns[event.token().0].answered(&mut self.scratch)?);
            }
        }
        Ok(())
    }

    fn send(&mut self, index: usize, requests: &[Vec<u8>]) -> Result<()> {
        let request = &requests[self.next % requests.len()];
        self.next += 1;
        let conn = &mut self.conns[index];
        let sent = conn.wire.write(request).context("send a request")?;
        ensure!(
            sent == request.len(),
            "the socket did not take a whole request"
        );
        conn.busy = true;
        Ok(())
    }

    fn poll(&mut self, events: &mut Events) -> Result<()> {
        match self.poll.poll(events, Some(PATIENCE)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            outcome => outcome.context("poll")?,
        }
        ensure!(!events.is_empty(), "nothing came for {PATIENCE:?}");
        Ok(())
    }
}

impl Conn {
    /// Reads what is there; true when that completed the right answer.
    fn answered(&mut self, scratch: &mut [u8]) -> Result<bool> {
        loop {
            let length = match self.wire.read(scratch) {
                Ok(0) => bail!("the proxy closed a connection"),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error).context("receive an answer"),
            };
            ensure!(self.busy, "bytes came without a request");
            if self.take(&scratch[..length])? {
                self.busy = false;
                return Ok(true);
            }
        }
    }

    /// Whether these bytes complete the right answer; keeps them when they do not.
    fn take(&mut self, bytes: &[u8]) -> Result<bool> {
        if self.received.is_empty() && check(bytes)? {
            return Ok(true);
        }
        self.received.extend_from_slice(bytes);
        let whole = check(&self.received)?;
        if whole {
            self.received.clear();
        }
        Ok(whole)
    }
}

/// Whether `bytes` are a whole sync answer; an error when they are a wrong one.
fn check(bytes: &[u8]) -> Result<bool> {
    let Some(answer) = answer::parse(bytes)? else {
        return Ok(false);
    };
    ensure!(answer.status == 200, "status {}", answer.status);
    ensure!(
        *answer.body == *SYNC_BODY.as_bytes(),
        "wrong body of {} bytes",
        answer.body.len()
    );
    ensure!(answer.length == bytes.len(), "bytes behind the answer");
    Ok(true)
}
