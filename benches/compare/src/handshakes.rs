//! TLS handshakes without end: connect, agree, say goodbye, be hung up on.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustls::client::Resumption;
use rustls::{ClientConfig, ClientConnection, HandshakeKind};

use crate::tls;

/// A run that hears nothing for this long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Clients that do nothing else, each with its own tickets.
#[derive(Debug)]
pub struct Handshakes {
    poll: Poll,
    proxy: SocketAddr,
    /// Clients that ask for full handshakes, and ones that resume; a pair a lane.
    clients: Vec<[Arc<ClientConfig>; 2]>,
    lanes: Vec<Option<Conn>>,
}

#[derive(Debug)]
struct Conn {
    stream: TcpStream,
    connection: ClientConnection,
    client: Arc<ClientConfig>,
    said_goodbye: bool,
}

impl Handshakes {
    /// Prepares `lanes` clients, and gives each a session to resume.
    pub fn new(proxy: SocketAddr, lanes: usize, client: &ClientConfig) -> Result<Handshakes> {
        let of = |resumption| {
            let mut client = client.clone();
            client.resumption = resumption;
            Arc::new(client)
        };
        let clients = (0..lanes)
            .map(|_| [Resumption::disabled(), Resumption::in_memory_sessions(1)].map(of))
            .collect();
        let mut handshakes = Handshakes {
            poll: Poll::new().context("make a poll")?,
            proxy,
            clients,
            lanes: (0..lanes).map(|_| None).collect(),
        };
        handshakes.go(lanes, 1, HandshakeKind::Full)?;
        Ok(handshakes)
    }

    /// Does `total` handshakes of that kind, as many at a time as there are lanes.
    pub fn run(&mut self, total: usize, kind: HandshakeKind) -> Result<()> {
        self.go(total, usize::from(kind == HandshakeKind::Resumed), kind)
    }

    /// With that client of each pair.
    fn go(&mut self, total: usize, client: usize, kind: HandshakeKind) -> Result<()> {
        let mut unbegun = total;
        let mut missing = total;
        for lane in 0..self.lanes.len().min(total) {
            self.begin(lane, client)?;
            unbegun -= 1;
        }
        let mut events = Events::with_capacity(self.lanes.len());
        while missing > 0 {
            self.poll(&mut events)?;
            for event in &events {
                let lane = event.token().0;
                let Some(conn) = &mut self.lanes[lane] else {
                    continue;
                };
                if !conn.go_on()? {
                    continue;
                }
                conn.check(kind)?;
                self.lanes[lane] = None;
                missing -= 1;
                if unbegun > 0 {
                    self.begin(lane, client)?;
                    unbegun -= 1;
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, lane: usize, client: usize) -> Result<()> {
        let conn = Conn::begin(self.proxy, &self.clients[lane][client])?;
        let socket = conn.stream.as_raw_fd();
        self.poll
            .registry()
            .register(&mut SourceFd(&socket), Token(lane), Interest::READABLE)?;
        self.lanes[lane] = Some(conn);
        Ok(())
    }

    fn poll(&mut self, events: &mut Events) -> Result<()> {
        match self.poll.poll(events, Some(PATIENCE)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            outcome => outcome.context("poll")?,
        }
        ensure!(!events.is_empty(), "nothing came for {PATIENCE:?}");
        Ok(())
    }
}

impl Conn {
    fn begin(proxy: SocketAddr, client: &Arc<ClientConfig>) -> Result<Conn> {
        let stream = TcpStream::connect(proxy).context("connect to the proxy")?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut conn = Conn {
            stream,
            connection: ClientConnection::new(Arc::clone(client), tls::name())?,
            client: Arc::clone(client),
            said_goodbye: false,
        };
        conn.send()?;
        Ok(conn)
    }

    /// Does what can be done now; true when the proxy has hung up.
    fn go_on(&mut self) -> Result<bool> {
        loop {
            match self.connection.read_tls(&mut self.stream) {
                Ok(0) => return Ok(true),
                Ok(_) => self.connection.process_new_packets()?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("receive"),
            };
        }
        if !self.connection.is_handshaking() && !self.said_goodbye {
            self.connection.send_close_notify();
            self.said_goodbye = true;
        }
        self.send()?;
        Ok(false)
    }

    fn send(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut self.stream)?;
        }
        Ok(())
    }

    /// Whether all went as it should.
    fn check(&self, kind: HandshakeKind) -> Result<()> {
        ensure!(self.said_goodbye, "the proxy closed a connection");
        let was = self.connection.handshake_kind();
        ensure!(was == Some(kind), "{was:?} handshake instead of {kind:?}");
        tls::check(&self.client, &self.connection)
    }
}
