//! The loop that serves every stand-in worker's connections.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use mio::event::Event;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;

use super::Shared;
use super::conn::Conn;

/// Tokens below this are listeners; connections follow.
const FIRST_CONN: usize = 64;
const WAKE: Token = Token(FIRST_CONN - 1);

pub struct Serve {
    poll: Poll,
    listeners: Vec<TcpListener>,
    conns: Slab<Conn>,
    scratch: Vec<u8>,
    shared: Arc<Shared>,
}

impl Serve {
    /// The loop, and what wakes it.
    pub fn new(mut listeners: Vec<TcpListener>, shared: Arc<Shared>) -> Result<(Serve, Waker)> {
        let poll = Poll::new().context("make a poll")?;
        for (worker, listener) in listeners.iter_mut().enumerate() {
            poll.registry()
                .register(listener, Token(worker), Interest::READABLE)?;
        }
        let waker = Waker::new(poll.registry(), WAKE)?;
        let scratch = vec![0; 256 * 1024];
        Ok((
            Serve {
                poll,
                listeners,
                conns: Slab::new(),
                scratch,
                shared,
            },
            waker,
        ))
    }

    /// Serves for ever.
    pub fn run(mut self) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                outcome => outcome.context("poll")?,
            }
            for event in &events {
                match event.token() {
                    WAKE => self.release(),
                    Token(worker) if worker < FIRST_CONN => self.accept(worker)?,
                    Token(token) => self.act(token - FIRST_CONN, event),
                }
            }
        }
    }

    fn accept(&mut self, worker: usize) -> Result<()> {
        loop {
            let stream = match self.listeners[worker].accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("accept at a stand-in worker"),
            };
            stream.set_nodelay(true)?;
            let slot = self.conns.vacant_entry();
            let token = Token(FIRST_CONN + slot.key());
            let conn = slot.insert(Conn::new(stream, worker));
            let both = Interest::READABLE | Interest::WRITABLE;
            self.poll
                .registry()
                .register(&mut conn.stream, token, both)?;
        }
    }

    fn act(&mut self, key: usize, event: &Event) {
        let Some(conn) = self.conns.get_mut(key) else {
            return;
        };
        if conn
            .act(event, &mut self.scratch, &self.shared)
            .unwrap_or(false)
        {
            return;
        }
        if self.conns.remove(key).is_parked() {
            self.shared.parked.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn release(&mut self) {
        if !self.shared.releasing.swap(false, Ordering::Relaxed) {
            return;
        }
        let parked = self.conns.iter_mut().filter(|(_, conn)| conn.is_parked());
        for (_, conn) in parked {
            // A peer that is gone is seen, and removed, by its own event.
            let _ = conn.release(&self.shared);
            self.shared.parked.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
