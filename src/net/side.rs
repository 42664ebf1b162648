//! The two sides of a TLS connection: ours towards clients, and ours towards workers.

use std::{io, sync::Arc};

use prometheus::IntCounter;
use rustls::{
    ClientConfig, ServerConfig,
    client::{ClientConnectionData, UnbufferedClientConnection},
    pki_types::ServerName,
    server::{ServerConnectionData, UnbufferedServerConnection},
    unbuffered::UnbufferedStatus,
};

/// What is different between the two sides.
pub trait Side {
    /// What rustls keeps for this side.
    type Data;

    /// Goes on with the records in `incoming`.
    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data>;

    /// The handshake ended well.
    fn note_ready(&self);

    /// The connection ended with a fault of TLS.
    fn note_failed(&self);
}

/// What all connections of a listener share.
#[derive(Debug)]
pub struct Acceptor {
    /// Certificates, versions, tickets.
    pub config: Arc<ServerConfig>,
    /// Handshakes that ended well.
    pub accepted: IntCounter,
    /// Connections that ended with a fault of TLS.
    pub failed: IntCounter,
}

/// Our side towards a client.
pub struct Accepting {
    connection: UnbufferedServerConnection,
    acceptor: Arc<Acceptor>,
}

/// Our side towards a worker.
pub struct Connecting(UnbufferedClientConnection);

impl Accepting {
    pub(super) fn new(acceptor: &Arc<Acceptor>) -> io::Result<Self> {
        let connection = UnbufferedServerConnection::new(acceptor.config.clone());
        Ok(Self {
            connection: connection.map_err(io::Error::other)?,
            acceptor: acceptor.clone(),
        })
    }
}

impl Connecting {
    pub(super) fn new(config: &Arc<ClientConfig>, name: ServerName<'static>) -> io::Result<Self> {
        let connection = UnbufferedClientConnection::new(config.clone(), name);
        connection.map(Self).map_err(io::Error::other)
    }
}

impl Side for Accepting {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.connection.process_tls_records(incoming)
    }

    fn note_ready(&self) {
        self.acceptor.accepted.inc();
    }

    fn note_failed(&self) {
        self.acceptor.failed.inc();
    }
}

impl Side for Connecting {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.0.process_tls_records(incoming)
    }

    /// A worker that is reached shows among the requests.
    fn note_ready(&self) {}

    /// A worker that is not shows in its state.
    fn note_failed(&self) {}
}
