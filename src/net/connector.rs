//! TLS to workers: whose certificates we believe, and which name they must be made for.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use super::{Address, Stream, Tls, side::Connecting};

/// How TLS is spoken with the workers of one pool; its sessions are taken up again.
#[derive(Debug)]
pub struct Connector {
    number: u32,
    config: Arc<ClientConfig>,
    roots: Box<[CertificateDer<'static>]>,
    name: Option<ServerName<'static>>,
}

/// Why no worker can be believed.
#[derive(Debug, thiserror::Error)]
pub enum TrustFault {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{}: no certificate in PEM", .0.display())]
    NoCertificate(PathBuf),
    /// A certificate that cannot be a root.
    #[error("{}: a certificate that cannot be read: {reason}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What rustls says.
        reason: rustls::Error,
    },
    /// Nothing is installed here.
    #[error("the system has no certificates of authorities; name a file with `ca`")]
    NoSystem,
}

/// A worker whose certificate nobody could check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} has no host that a certificate could be made for; give one with `name`")]
pub struct Nameless(pub Address);

impl Connector {
    /// Believes the authorities in the file `ca`, else the system's; a worker must show a certificate for `name`, else
    /// for the host of its address.
    ///
    /// # Errors
    /// When there is no authority to believe.
    pub fn read(ca: Option<&Path>, name: Option<ServerName<'static>>) -> Result<Self, TrustFault> {
        let (roots, store) = match ca {
            Some(path) => of_file(path)?,
            None => of_system()?,
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS 1.2 and 1.3")
            .with_root_certificates(store)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Ok(Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            config: Arc::new(config),
            roots: roots.into(),
            name,
        })
    }

    /// Names it within this process; never reused.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The name that the certificate of the worker at `address` must be made for.
    ///
    /// # Errors
    /// When neither the configuration nor the address gives one.
    pub fn name_of(&self, address: &Address) -> Result<ServerName<'static>, Nameless> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        let name = match address {
            Address::Ip(address) => Some(ServerName::from(address.ip())),
            Address::Host(host, _) => ServerName::try_from(host.to_string()).ok(),
            Address::Unix(_) => None,
        };
        name.ok_or_else(|| Nameless(address.clone()))
    }

    /// Agrees on TLS over a socket to the worker at `address`.
    pub(super) async fn connect(&self, address: &Address, socket: Stream) -> io::Result<Stream> {
        let name = self.name_of(address);
        let name = name.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let tls = Tls::connect(Connecting::new(&self.config, name)?, socket).await?;
        Ok(Stream::ToWorker(Box::new(tls)))
    }
}

/// The same authorities and the same name: the same workers are believed.
impl PartialEq for Connector {
    fn eq(&self, other: &Self) -> bool {
        self.roots == other.roots && self.name == other.name
    }
}

type Roots = (Vec<CertificateDer<'static>>, RootCertStore);

fn of_file(path: &Path) -> Result<Roots, TrustFault> {
    let text = std::fs::read(path).map_err(|source| TrustFault::Unreadable {
        path: path.into(),
        source,
    })?;
    let none = || TrustFault::NoCertificate(path.into());
    let roots: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|_| none())?;
    let mut store = RootCertStore::empty();
    for root in &roots {
        store
            .add(root.clone())
            .map_err(|reason| TrustFault::Broken {
                path: path.into(),
                reason,
            })?;
    }
    match roots.is_empty() {
        true => Err(none()),
        false => Ok((roots, store)),
    }
}

/// What the system cannot read of its own is left out.
fn of_system() -> Result<Roots, TrustFault> {
    let roots = rustls_native_certs::load_native_certs().certs;
    let mut store = RootCertStore::empty();
    match store.add_parsable_certificates(roots.iter().cloned()) {
        (0, _) => Err(TrustFault::NoSystem),
        _ => Ok((roots, store)),
    }
}
