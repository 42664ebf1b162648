//! Connects hyper's client to our addresses: their text stands, in hex, where a URL has its host.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::{
    Uri,
    http::uri::{PathAndQuery, Scheme},
};
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use tower::Service;

use crate::net::{Address, Stream};

/// The URL that `Connect` connects to `address` for.
pub(super) fn uri(address: &Address, target: &PathAndQuery) -> Uri {
    let host: String = address
        .to_string()
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(host)
        .path_and_query(target.clone())
        .build()
        .expect("hex digits are a host")
}

/// The address that stands in a URL.
fn address(uri: &Uri) -> Option<Address> {
    let host = uri.host()?.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let text = host.map(byte).collect::<Option<Vec<u8>>>()?;
    std::str::from_utf8(&text).ok()?.parse().ok()
}

/// Makes connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connect;

impl Service<Uri> for Connect {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Stream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(async move {
            let address = address(&uri).ok_or(io::ErrorKind::InvalidInput)?;
            Stream::connect(&address).await.map(TokioIo::new)
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
            let uri = uri(&at, &target);
            assert_eq!(address(&uri), Some(at), "{uri}");
            assert_eq!(uri.path_and_query(), Some(&target));
        }
    }
}
