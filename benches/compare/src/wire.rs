//! A client's connection, plain or in TLS.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::{ClientConfig, ClientConnection};

use crate::tls;

/// Longest wait for one read or write.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes to a proxy and back; it waits for them unless told otherwise.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Wire {
    /// Connects, and agrees on TLS where there is a `client` for that.
    pub fn connect(proxy: SocketAddr, client: Option<&Arc<ClientConfig>>) -> Result<Wire> {
        let mut stream = TcpStream::connect(proxy).context("connect to the proxy")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let tls = client
            .map(|client| agree(client, &mut stream))
            .transpose()?;
        Ok(Wire { stream, tls })
    }

    /// From now on it gives what there is.
    pub fn wait_no_more(&self) -> Result<()> {
        Ok(self.stream.set_nonblocking(true)?)
    }
}

fn agree(client: &Arc<ClientConfig>, stream: &mut TcpStream) -> Result<Box<ClientConnection>> {
    let mut connection = ClientConnection::new(Arc::clone(client), tls::name())?;
    while connection.is_handshaking() {
        connection.complete_io(stream).context("TLS handshake")?;
    }
    tls::check(client, &connection)?;
    Ok(Box::new(connection))
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.stream.read(buffer);
        };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
            if tls.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(io::Error::other)?;
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.stream.write(bytes);
        };
        let taken = tls.writer().write(bytes)?;
        while tls.wants_write() {
            tls.write_tls(&mut self.stream)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsRawFd for Wire {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}
