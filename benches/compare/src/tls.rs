//! TLS of the comparison: on all sides one P-256 key, one cipher and one curve.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// The name in the certificate.
const NAME: &str = "localhost";

/// A protocol that a client asks for within TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

/// The certificate of every side, and a client that trusts it.
#[derive(Debug)]
pub struct Identity {
    pem: String,
    client: ClientConfig,
}

impl Identity {
    /// Makes a key and a certificate.
    pub fn new() -> Result<Identity> {
        let key = KeyPair::generate().context("make a key")?;
        let certificate = CertificateParams::new([NAME.to_owned()])?.self_signed(&key)?;
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone())?;
        Ok(Identity {
            pem: certificate.pem() + &key.serialize_pem(),
            client: client(roots)?,
        })
    }

    /// Puts certificate and key into `dir`, as `tls.pem`.
    pub fn write(&self, dir: &Path) -> Result<()> {
        fs::write(dir.join("tls.pem"), &self.pem).context("write tls.pem")
    }

    /// A client of its own that speaks `protocol`; what it keeps to resume is its own, too.
    pub fn client(&self, protocol: Protocol) -> ClientConfig {
        let mut client = self.client.clone();
        client.alpn_protocols = vec![protocol.name().to_vec()];
        client
    }
}

impl Protocol {
    fn name(self) -> &'static [u8] {
        match self {
            Protocol::Http1 => b"http/1.1",
            Protocol::Http2 => b"h2",
        }
    }
}

/// The name that clients ask for.
pub fn name() -> ServerName<'static> {
    ServerName::try_from(NAME).expect("it is a name")
}

/// Fails unless both sides agreed on what `client` asked for.
pub fn check(client: &ClientConfig, connection: &ClientConnection) -> Result<()> {
    let agreed = connection.alpn_protocol();
    ensure!(
        agreed.is_some_and(|agreed| client.alpn_protocols.iter().any(|asked| asked == agreed)),
        "the proxy does not speak {}",
        String::from_utf8_lossy(&client.alpn_protocols.concat())
    );
    Ok(())
}

/// TLS 1.3 with nothing to choose.
fn client(roots: RootCertStore) -> Result<ClientConfig> {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites = vec![cipher_suite::TLS13_AES_128_GCM_SHA256];
    provider.kx_groups = vec![kx_group::X25519];
    let client = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(client)
}
