//! TLS of one listener: what its connections share, kept over reloads as long as its files are the same.

use std::sync::Arc;

use rustls::{ServerConfig, crypto::aws_lc_rs, server::NoServerSessionStorage};

use super::{Certificates, Settings};
use crate::{net::Acceptor, telemetry::Metrics};

/// What a listener with TLS shows and counts.
#[derive(Debug)]
pub struct Security {
    /// The certificates.
    pub certificates: Arc<Certificates>,
    /// What connections begin with.
    pub acceptor: Arc<Acceptor>,
}

impl Security {
    /// Reads the certificates; TLS 1.2 and 1.3, with tickets that any thread can take up again.
    ///
    /// # Errors
    /// When a certificate is of no use, or the system gives no random numbers.
    pub fn new(settings: &Settings, metrics: &Metrics) -> anyhow::Result<Self> {
        let certificates = Arc::new(Certificates::read(&settings.tls)?);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(certificates.clone());
        config.alpn_protocols = protocols(settings.door.http2);
        config.ticketer = aws_lc_rs::Ticketer::new()?;
        // Tickets hold all that is needed: sessions would fill memory.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        let acceptor = Acceptor {
            config: Arc::new(config),
            accepted: metrics.tls_accepted.clone(),
            failed: metrics.tls_failed.clone(),
        };
        Ok(Self {
            certificates,
            acceptor: Arc::new(acceptor),
        })
    }

    /// True when they would be made of the same settings.
    pub fn is_of(&self, settings: &Settings) -> bool {
        self.certificates.are_of(&settings.tls)
            && self.acceptor.config.alpn_protocols == protocols(settings.door.http2)
    }
}

/// What is offered, the best first (RFC 7301).
fn protocols(http2: bool) -> Vec<Vec<u8>> {
    let offered: &[&[u8]] = match http2 {
        true => &[b"h2", b"http/1.1"],
        false => &[b"http/1.1"],
    };
    offered.iter().map(|name| name.to_vec()).collect()
}
