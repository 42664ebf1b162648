//! TLS over a socket, from either side. It keeps no buffer while nothing is on its way: a parked request pays for the
//! keys alone.

use std::{
    cell::RefCell,
    fmt,
    future::poll_fn,
    io,
    sync::Arc,
    task::{Context, Poll, ready},
};

use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, UnbufferedStatus};

use super::{
    Acceptor, Stream,
    side::{Accepting, Connecting, Side},
};

/// Bytes that one read can bring.
const READ: usize = 64 * 1024;

/// Bytes of records that are not whole: one record, or a handshake message of several.
const HELD: usize = 64 * 1024;

/// Bytes that are sealed at once.
const WRITE: usize = 64 * 1024;

thread_local! {
    /// Sealed bytes, coming or going; with room for what records add.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; HELD + READ + 4096].into());
}

/// A connection. After a write that was not ready the next one must begin with the same bytes, as it is the same write.
pub struct Tls<S: Side = Accepting> {
    socket: Stream,
    side: S,
    /// The start of a record.
    held: Vec<u8>,
    /// Bytes of the peer that did not fit where they were wanted.
    opened: Vec<u8>,
    /// What the socket has not taken yet.
    sealed: Vec<u8>,
    /// Bytes of a writer in `sealed`: it hears of them when the socket has taken all.
    owed: usize,
    /// The handshake is done.
    ready: bool,
    /// Nothing comes any more.
    ended: bool,
    /// We have said that nothing comes any more.
    closed: bool,
}

impl Tls {
    /// A connection that begins with its handshake, which the first read drives.
    ///
    /// # Errors
    /// When the configuration has no certificate to offer.
    pub fn accept(acceptor: &Arc<Acceptor>, socket: Stream) -> io::Result<Self> {
        Ok(Self::new(Accepting::new(acceptor)?, socket))
    }
}

impl Tls<Connecting> {
    /// A connection whose handshake is done.
    pub(super) async fn connect(side: Connecting, socket: Stream) -> io::Result<Self> {
        let mut tls = Self::new(side, socket);
        tls.open(&mut [], &mut [])?;
        poll_fn(|cx| tls.poll_handshake(cx)).await?;
        Ok(tls)
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_flush(cx))?;
            if self.ready {
                return Poll::Ready(Ok(()));
            }
            if self.ended {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            ready!(self.poll_open(cx, &mut []))?;
        }
    }
}

impl<S: Side> Tls<S> {
    fn new(side: S, socket: Stream) -> Self {
        Self {
            socket,
            side,
            held: Vec::new(),
            opened: Vec::new(),
            sealed: Vec::new(),
            owed: 0,
            ready: false,
            ended: false,
            closed: false,
        }
    }

    pub(super) fn socket(&self) -> &Stream {
        &self.socket
    }

    /// True when nothing of the peer waits here, as it should be between two answers.
    pub(super) fn is_settled(&self) -> bool {
        self.opened.is_empty() && self.held.is_empty() && !self.ended
    }

    /// As [`Stream::poll_read`]; an end that the peer did not announce is an error, as it may be an attacker's cut.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
                return Poll::Ready(Err(error));
            }
            if !self.opened.is_empty() {
                return Poll::Ready(Ok(self.take_opened(buffer)));
            }
            if self.ended {
                return Poll::Ready(Ok(0));
            }
            let filled = ready!(self.poll_open(cx, buffer))?;
            if filled > 0 {
                return Poll::Ready(Ok(filled));
            }
        }
    }

    /// Reads what the socket has and opens it into `buffer`; gives how much was filled.
    fn poll_open(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let before = self.held.len();
            scratch[..before].copy_from_slice(&self.held);
            let room = &mut scratch[before..before + READ];
            let count = ready!(self.socket.poll_read(cx, room))?;
            if count == 0 {
                self.ended = true;
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            Poll::Ready(self.open(&mut scratch[..before + count], buffer))
        })
    }

    /// As [`Stream::poll_write`].
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(cx))?;
        if self.owed > 0 {
            return Poll::Ready(Ok(std::mem::take(&mut self.owed).min(bytes.len())));
        }
        let piece = &bytes[..bytes.len().min(WRITE)];
        let whole = SCRATCH.with_borrow_mut(|scratch| {
            let count = self.seal(piece, scratch)?;
            let written = match self.socket.poll_write(cx, &scratch[..count]) {
                Poll::Ready(written) => written?,
                Poll::Pending => 0,
            };
            self.sealed.extend_from_slice(&scratch[written..count]);
            Ok::<_, io::Error>(written == count)
        })?;
        if !whole {
            self.owed = piece.len();
            ready!(self.poll_flush(cx))?;
            self.owed = 0;
        }
        Poll::Ready(Ok(piece.len()))
    }

    /// As [`Stream::poll_shutdown`].
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.say_goodbye();
        ready!(self.poll_flush(cx))?;
        self.socket.poll_shutdown(cx)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.sealed.is_empty() {
            let written = ready!(self.socket.poll_write(cx, &self.sealed))?;
            // A copy of the rest: what is seldom and short-lived need not be fast.
            self.sealed = self.sealed[written..].to_vec();
        }
        Poll::Ready(Ok(()))
    }

    fn take_opened(&mut self, buffer: &mut [u8]) -> usize {
        let count = self.opened.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.opened[..count]);
        self.opened = self.opened[count..].to_vec();
        count
    }

    /// Opens the records in `bytes` into `buffer`, and keeps the start of the next one; gives how much was filled.
    fn open(&mut self, bytes: &mut [u8], buffer: &mut [u8]) -> io::Result<usize> {
        let (mut used, mut filled) = (0, 0);
        loop {
            let UnbufferedStatus { mut discard, state } = self.side.process(&mut bytes[used..]);
            let goes_on = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(io::Error::other)?;
                        discard += record.discard;
                        let fits = record.payload.len().min(buffer.len() - filled);
                        buffer[filled..filled + fits].copy_from_slice(&record.payload[..fits]);
                        filled += fits;
                        self.opened.extend_from_slice(&record.payload[fits..]);
                    }
                    true
                }
                Ok(ConnectionState::EncodeTlsData(data)) => {
                    encode(data, &mut self.sealed)?;
                    true
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    true
                }
                Ok(ConnectionState::WriteTraffic(_)) => {
                    if !std::mem::replace(&mut self.ready, true) {
                        self.side.note_ready();
                    }
                    false
                }
                Ok(ConnectionState::BlockedHandshake) => false,
                Ok(_) => {
                    self.ended = true;
                    false
                }
                Err(error) => return Err(self.fail(error)),
            };
            used += discard;
            if !goes_on {
                break;
            }
        }
        let rest = &bytes[used..];
        if rest.len() > HELD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if !(rest.is_empty() && self.held.capacity() == 0) {
            self.held = rest.to_vec();
        }
        Ok(filled)
    }

    /// Seals `piece` into `out`, behind what TLS itself has to say; gives how much stands there.
    fn seal(&mut self, piece: &[u8], out: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        loop {
            let UnbufferedStatus { discard, state } = self.side.process(&mut self.held);
            let sealed = match state.map_err(io::Error::other)? {
                ConnectionState::WriteTraffic(mut traffic) => {
                    let sealed = traffic.encrypt(piece, &mut out[filled..]);
                    Some(sealed.map_err(io::Error::other)?)
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    let encoded = data.encode(&mut out[filled..]);
                    filled += encoded.map_err(io::Error::other)?;
                    None
                }
                ConnectionState::TransmitTlsData(data) => {
                    data.done();
                    None
                }
                ConnectionState::PeerClosed => {
                    self.ended = true;
                    None
                }
                _ => return Err(io::ErrorKind::NotConnected.into()),
            };
            self.held.drain(..discard);
            if let Some(sealed) = sealed {
                return Ok(filled + sealed);
            }
        }
    }

    /// Has the peer told what is wrong, and counts it.
    fn fail(&mut self, error: rustls::Error) -> io::Error {
        self.side.note_failed();
        tracing::debug!(%error, "TLS");
        self.ended = true;
        let said = self.side.process(&mut []);
        if let Ok(ConnectionState::EncodeTlsData(data)) = said.state {
            // The connection ends in any case; the peer may or may not hear why.
            let _ = encode(data, &mut self.sealed);
            let _ = self.socket.try_write(&self.sealed);
        }
        io::Error::new(io::ErrorKind::InvalidData, error)
    }

    /// Puts the end of our side behind all else that is to be sent.
    fn say_goodbye(&mut self) {
        if std::mem::replace(&mut self.closed, true) || !self.ready {
            return;
        }
        let mut record = [0; 128];
        let status = self.side.process(&mut self.held);
        if let Ok(ConnectionState::WriteTraffic(mut traffic)) = status.state
            && let Ok(count) = traffic.queue_close_notify(&mut record)
        {
            self.sealed.extend_from_slice(&record[..count]);
        }
    }
}

impl<S: Side> Drop for Tls<S> {
    /// An end without a goodbye could be an attacker's cut.
    fn drop(&mut self) {
        self.say_goodbye();
        if !self.sealed.is_empty() {
            // Nobody waits any more: what the socket does not take now is lost.
            let _ = self.socket.try_write(&self.sealed);
        }
    }
}

impl<S: Side> fmt::Debug for Tls<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("socket", &self.socket)
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}

/// Adds a message of the handshake to `out`.
fn encode<D>(mut data: EncodeTlsData<'_, D>, out: &mut Vec<u8>) -> io::Result<()> {
    let start = out.len();
    if let Err(EncodeError::InsufficientSize(needed)) = data.encode(&mut []) {
        out.resize(start + needed.required_size, 0);
        data.encode(&mut out[start..]).map_err(io::Error::other)?;
    }
    Ok(())
}
