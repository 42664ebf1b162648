//! What the configuration says of a listener.

use std::num::NonZeroUsize;

use super::CertificateFiles;
use crate::{net::Address, proxy::Door};

/// One listener.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens; port 0 takes any free one.
    pub address: Address,
    /// What it lets in, and whom it believes.
    pub door: Door,
    /// Connections at a time; none beyond the bound of all when there is no number.
    pub connections: Option<NonZeroUsize>,
    /// Every connection begins with a PROXY header, from one of the door's trusted proxies.
    pub proxy_protocol: bool,
    /// The certificates for TLS, the default first; without one it speaks plain HTTP.
    pub tls: Vec<CertificateFiles>,
}

impl Settings {
    /// A plain listener that believes nobody.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            door: Door::default(),
            connections: None,
            proxy_protocol: false,
            tls: Vec::new(),
        }
    }
}
