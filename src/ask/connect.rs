//! Connects hyper's client to our addresses: their text stands, in hex, where a URL has its host, and behind it the
//! number of the connector where TLS is spoken.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
};

use ahash::HashMap;
use hyper::{
    Uri,
    http::uri::{PathAndQuery, Scheme},
};
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use tower::Service;

use crate::net::{Address, Connector, Stream};

/// Makes connections; its clones know the same connectors.
#[derive(Clone, Debug, Default)]
pub(super) struct Connect(Arc<Mutex<HashMap<u32, Weak<Connector>>>>);

impl Connect {
    /// The URL that this connects to `address` for.
    pub(super) fn uri(
        &self,
        address: &Address,
        tls: Option<&Arc<Connector>>,
        target: &PathAndQuery,
    ) -> Uri {
        let text = address.to_string().into_bytes().into_iter();
        let mut host: String = text.map(|byte| format!("{byte:02x}")).collect();
        if let Some(connector) = tls {
            self.note(connector);
            host.push_str(&format!(".{}", connector.number()));
        }
        Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(host)
            .path_and_query(target.clone())
            .build()
            .expect("hex digits and a number are a host")
    }

    /// Knows a connector from now on, and forgets those that nobody has any more.
    fn note(&self, connector: &Arc<Connector>) {
        let mut known = self.known();
        if !known.contains_key(&connector.number()) {
            known.retain(|_, connector| connector.strong_count() > 0);
            known.insert(connector.number(), Arc::downgrade(connector));
        }
    }

    /// The address that stands in a URL, and the connector to it; none when that is gone.
    fn destination(&self, uri: &Uri) -> Option<(Address, Option<Arc<Connector>>)> {
        let host = uri.host()?;
        let (address, number) = host
            .split_once('.')
            .map_or((host, None), |(address, number)| (address, Some(number)));
        let tls = match number {
            None => None,
            Some(number) => Some(self.known().get(&number.parse().ok()?)?.upgrade()?),
        };
        Some((read(address)?, tls))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<u32, Weak<Connector>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address that stands there in hex.
fn read(hex: &str) -> Option<Address> {
    let pairs = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let text = pairs.map(byte).collect::<Option<Vec<u8>>>()?;
    std::str::from_utf8(&text).ok()?.parse().ok()
}

impl Service<Uri> for Connect {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Stream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let destination = self.destination(&uri);
        Box::pin(async move {
            let (address, tls) = destination.ok_or(io::ErrorKind::InvalidInput)?;
            let stream = Stream::connect(&address, tls.as_deref()).await;
            stream.map(TokioIo::new)
        })
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_survives_the_url() {
        let target = PathAndQuery::from_static("/a?b=c");
        for text in [
            "127.0.0.1:8008",
            "[::1]:8008",
            "synapse_main:1",
            "unix:/run/synapse/\u{fc}/main.sock",
        ] {
            let at: Address = text.parse().unwrap();
            let connect = Connect::default();
            let uri = connect.uri(&at, None, &target);
            assert_eq!(connect.destination(&uri), Some((at, None)), "{uri}");
            assert_eq!(uri.path_and_query(), Some(&target));
        }
    }
}
