//! A connection on its way to a thread, and how it comes in there.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    num::NonZeroUsize,
    os::unix::net::UnixStream,
    rc::Rc,
    sync::Arc,
};

use tokio::{net::TcpStream, task::spawn_local, time::timeout};

use super::{
    Security, Settings, introduction,
    places::{Count, Place},
};
use crate::{
    net::{Stream, Tls},
    proxy::{Core, Door, Peer, converse, turn_away},
};

/// How connections come in at one listener.
#[derive(Debug)]
pub struct Entrance {
    /// What is let in.
    pub door: Arc<Door>,
    /// TLS; none for plain HTTP.
    pub security: Option<Arc<Security>>,
    /// Connections that came in here.
    pub(super) connections: Arc<Count>,
    /// How many may be here at a time.
    pub(super) bound: usize,
    proxy_protocol: bool,
    listener: u16,
}

/// An accepted connection.
#[derive(Debug)]
pub struct Arrival {
    pub(super) socket: Socket,
    pub(super) entrance: Arc<Entrance>,
}

/// A socket out of any reactor.
#[derive(Debug)]
pub(super) enum Socket {
    /// By TCP, and who connected.
    Tcp(std::net::TcpStream, SocketAddr),
    /// By a Unix socket.
    Unix(UnixStream),
}

impl Entrance {
    /// The way in by that listener, as its `settings` ask for.
    pub(super) fn new(
        settings: &Settings,
        security: Option<Arc<Security>>,
        connections: Arc<Count>,
        listener: u16,
    ) -> Self {
        Self {
            connections,
            bound: settings.connections.map_or(usize::MAX, NonZeroUsize::get),
            door: Arc::new(settings.door.clone()),
            security,
            proxy_protocol: settings.proxy_protocol,
            listener,
        }
    }

    /// Takes a connection in: with TLS, if it is asked for.
    fn welcome(&self, socket: Stream, peer: Peer) -> io::Result<(Stream, Peer)> {
        match &self.security {
            None => Ok((socket, peer)),
            Some(security) => {
                let tls = Tls::accept(&security.acceptor, socket)?;
                Ok((Stream::Tls(Box::new(tls)), peer.by_tls()))
            }
        }
    }
}

impl Arrival {
    /// Who connects, where that is one client: a trusted proxy brings many, and what a PROXY header says is still to
    /// be read.
    pub(super) fn client(&self) -> Option<IpAddr> {
        let entrance = &self.entrance;
        match &self.socket {
            Socket::Tcp(_, peer) if !entrance.proxy_protocol => {
                let address = peer.ip().to_canonical();
                (!entrance.door.trusts(address)).then_some(address)
            }
            _ => None,
        }
    }

    /// Talks with the client in a task of this thread; `open` and `place` are dropped at its end.
    ///
    /// # Errors
    /// When the reactor does not take the socket.
    pub(super) fn start<O: 'static>(
        self,
        core: &Rc<Core>,
        open: O,
        place: Place,
    ) -> io::Result<()> {
        let (core, entrance) = (core.clone(), self.entrance);
        let number = entrance.listener;
        match self.socket {
            Socket::Tcp(stream, address) => {
                let stream = TcpStream::from_std(stream)?;
                if entrance.proxy_protocol {
                    spawn_local(introduced(core, stream, address, entrance, open, place));
                } else {
                    let peer = Peer::tcp(address, &entrance.door);
                    let (client, peer) = entrance.welcome(Stream::Tcp(stream), peer)?;
                    spawn_local(converse(core, client, peer, number, (open, place)));
                }
            }
            Socket::Unix(stream) => {
                let stream = tokio::net::UnixStream::from_std(stream)?;
                let peer = Peer::unix(&entrance.door);
                let (client, peer) = entrance.welcome(Stream::Unix(stream), peer)?;
                spawn_local(converse(core, client, peer, number, (open, place)));
            }
        }
        Ok(())
    }
}

impl Arrival {
    /// Tells the client that there is no room; where TLS would have to be agreed on first, closes.
    ///
    /// # Errors
    /// When the reactor does not take the socket.
    pub(super) fn turn_away<O: 'static>(self, core: &Rc<Core>, open: O) -> io::Result<()> {
        let entrance = self.entrance;
        if entrance.security.is_some() {
            return Ok(());
        }
        let (stream, peer) = match self.socket {
            Socket::Tcp(stream, address) => {
                let stream = Stream::Tcp(TcpStream::from_std(stream)?);
                (stream, Peer::tcp(address, &entrance.door))
            }
            Socket::Unix(stream) => {
                let stream = tokio::net::UnixStream::from_std(stream)?;
                (Stream::Unix(stream), Peer::unix(&entrance.door))
            }
        };
        let number = entrance.listener;
        spawn_local(turn_away(core.clone(), stream, peer, number, open));
        Ok(())
    }
}

/// Has a trusted proxy say who it connects for; whoever does not is left without a word.
async fn introduced<O>(
    core: Rc<Core>,
    mut stream: TcpStream,
    address: SocketAddr,
    entrance: Arc<Entrance>,
    open: O,
    mut place: Place,
) {
    let trusted = entrance.door.trusts(address.ip().to_canonical());
    let limit = core.state().limits.head;
    let said = match trusted {
        true => Box::pin(timeout(limit, introduction::read(&mut stream))).await,
        false => Ok(Err(io::ErrorKind::PermissionDenied.into())),
    };
    match said {
        Ok(Ok(client)) => {
            let address = client.unwrap_or(address);
            let peer = Peer::tcp(address, &entrance.door);
            if client.is_some() && !place.is_of(address.ip()) {
                core.metrics.turned_away.inc();
                if entrance.security.is_none() {
                    let stream = Stream::Tcp(stream);
                    turn_away(core, stream, peer, entrance.listener, (open, place)).await;
                }
                return;
            }
            if let Ok((client, peer)) = entrance.welcome(Stream::Tcp(stream), peer) {
                let open = (open, place);
                converse(core, client, peer, entrance.listener, open).await;
            }
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        Ok(Err(error)) => refuse(&core, address, &error),
        Err(_) => refuse(&core, address, &io::ErrorKind::TimedOut.into()),
    }
}

fn refuse(core: &Core, address: SocketAddr, error: &io::Error) {
    core.metrics.unintroduced.inc();
    tracing::debug!(peer = %address, %error, "no PROXY header of a trusted proxy");
}
