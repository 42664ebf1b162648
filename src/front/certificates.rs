//! Certificates: read from files, chosen by the name that a client asks for, read again when the files change.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use prometheus::IntGaugeVec;
use rustls::{
    InconsistentKeys, SignatureScheme,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::time::sleep;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::lifecycle::Stop;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// Where a certificate is, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and behind it those that lead to its root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The certificates of one listener; the first is the default.
#[derive(Debug)]
pub struct Certificates {
    files: Box<[CertificateFiles]>,
    served: ArcSwap<Served>,
}

/// What is shown now.
#[derive(Debug)]
struct Served {
    all: Vec<Certificate>,
    /// What the files looked like before they were read.
    stamps: Vec<Stamp>,
}

/// What changes with a file; none when there is no file.
type Stamp = Option<(u64, u64, i64, i64)>;

/// One certificate, ready to be served.
#[derive(Debug)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    names: Vec<Box<str>>,
    /// Seconds since 1970.
    not_after: i64,
}

/// What is wrong with a certificate or its key.
#[derive(Debug, thiserror::Error)]
pub enum CertificateFault {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{}: no certificate in PEM", .0.display())]
    NoCertificate(PathBuf),
    /// The certificate's file holds something else, too.
    #[error("{}: a certificate that cannot be read: {reason}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        reason: String,
    },
    /// The key's file holds something else.
    #[error("{}: no private key in PEM", .0.display())]
    NoKey(PathBuf),
    /// The key is of a kind that TLS has no use for.
    #[error("{}: a private key that cannot be used: {reason}", path.display())]
    UselessKey {
        /// The file.
        path: PathBuf,
        /// What rustls says.
        reason: rustls::Error,
    },
    /// Two files that do not belong together.
    #[error("{}: the key of another certificate than {}", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate is of no use any more.
    #[error("{}: expired on {on}; renew it", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// The day.
        on: String,
    },
    /// The certificate is of no use yet.
    #[error("{}: not valid before {on}; is the clock right?", path.display())]
    Early {
        /// The file.
        path: PathBuf,
        /// The day.
        on: String,
    },
}

impl CertificateFault {
    /// True when the key's file is to blame.
    pub fn is_of_key(&self, files: &CertificateFiles) -> bool {
        match self {
            Self::Unreadable { path, .. } => *path == files.key,
            Self::NoKey(_) | Self::UselessKey { .. } | Self::Mismatch { .. } => true,
            _ => false,
        }
    }
}

impl Certificate {
    /// Reads and checks one.
    ///
    /// # Errors
    /// With the file and what is wrong with it.
    pub fn read(files: &CertificateFiles) -> Result<Self, CertificateFault> {
        let path = || files.certificate.clone();
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&text(&files.certificate)?)
            .collect::<Result<_, _>>()
            .map_err(|_| CertificateFault::NoCertificate(path()))?;
        let first = chain
            .first()
            .ok_or_else(|| CertificateFault::NoCertificate(path()))?
            .clone();
        let (_, parsed) =
            X509Certificate::from_der(&first).map_err(|error| CertificateFault::Broken {
                path: path(),
                reason: error.to_string(),
            })?;
        check_dates(&files.certificate, &parsed)?;
        Ok(Self {
            key: Arc::new(with_key(chain, files)?),
            names: names(&parsed),
            not_after: parsed.validity().not_after.timestamp(),
        })
    }

    /// True for a name that it is made for, also by `*` as first part.
    pub fn covers(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let parent = name.split_once('.').map(|(_, parent)| parent);
        self.names.iter().any(|known| {
            **known == *name || (known.strip_prefix("*.") == parent && parent.is_some())
        })
    }

    fn signs(&self, schemes: &[SignatureScheme]) -> bool {
        self.key.key.choose_scheme(schemes).is_some()
    }
}

impl Certificates {
    /// Reads all of `files`; at least one.
    ///
    /// # Errors
    /// With the first fault.
    pub fn read(files: &[CertificateFiles]) -> Result<Self, CertificateFault> {
        Ok(Self {
            files: files.into(),
            served: ArcSwap::from_pointee(Served::read(files)?),
        })
    }

    /// True when they are read from these files.
    pub fn are_of(&self, files: &[CertificateFiles]) -> bool {
        *self.files == *files
    }

    /// Reads the files again whenever they change, and sets `expiry` by each certificate's first name. What cannot be
    /// read is reported once, and the certificates from before stay.
    pub async fn follow(self: Arc<Self>, expiry: IntGaugeVec, mut stop: Stop) {
        let mut seen = self.served.load().stamps.clone();
        loop {
            self.tell(&expiry);
            loop {
                tokio::select! {
                    () = stop.asked() => return,
                    () = sleep(LOOK) => {}
                }
                let now = stamps(&self.files);
                if now != seen {
                    seen = now;
                    break;
                }
            }
            self.renew();
        }
    }

    fn renew(&self) {
        match Served::read(&self.files) {
            Ok(served) => {
                self.served.store(Arc::new(served));
                tracing::info!(certificate = %self.files[0].certificate.display(), "certificates read again");
            }
            Err(error) => {
                tracing::error!(%error, "the new certificates are of no use; the old ones stay")
            }
        }
    }

    fn tell(&self, expiry: &IntGaugeVec) {
        for certificate in self.served.load().all.iter() {
            let name = certificate.names.first().map_or("", |name| name);
            expiry.with_label_values(&[name]).set(certificate.not_after);
        }
    }
}

impl Served {
    fn read(files: &[CertificateFiles]) -> Result<Self, CertificateFault> {
        let stamps = stamps(files);
        let all: Result<_, _> = files.iter().map(Certificate::read).collect();
        Ok(Self { all: all?, stamps })
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let served = self.served.load();
        let usable = || {
            let schemes = hello.signature_schemes();
            served.all.iter().filter(move |one| one.signs(schemes))
        };
        let name = hello.server_name();
        let named = name.and_then(|name| usable().find(|one| one.covers(name)));
        named.or_else(|| usable().next()).map(|one| one.key.clone())
    }
}

/// Through any number of symbolic links.
fn stamps(files: &[CertificateFiles]) -> Vec<Stamp> {
    let stamp = |path: &PathBuf| {
        let file = fs::metadata(path).ok()?;
        Some((file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
    };
    files
        .iter()
        .flat_map(|files| [stamp(&files.certificate), stamp(&files.key)])
        .collect()
}

fn text(path: &Path) -> Result<Vec<u8>, CertificateFault> {
    fs::read(path).map_err(|source| CertificateFault::Unreadable {
        path: path.into(),
        source,
    })
}

fn with_key(
    chain: Vec<CertificateDer<'static>>,
    files: &CertificateFiles,
) -> Result<CertifiedKey, CertificateFault> {
    let key = PrivateKeyDer::from_pem_slice(&text(&files.key)?)
        .map_err(|_| CertificateFault::NoKey(files.key.clone()))?;
    CertifiedKey::from_der(chain, key, &default_provider()).map_err(|reason| match reason {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            CertificateFault::Mismatch {
                certificate: files.certificate.clone(),
                key: files.key.clone(),
            }
        }
        reason => CertificateFault::UselessKey {
            path: files.key.clone(),
            reason,
        },
    })
}

fn check_dates(path: &Path, parsed: &X509Certificate<'_>) -> Result<(), CertificateFault> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs() as i64;
    let validity = parsed.validity();
    if validity.not_after.timestamp() < now {
        return Err(CertificateFault::Expired {
            path: path.into(),
            on: validity.not_after.to_string(),
        });
    }
    if validity.not_before.timestamp() > now {
        return Err(CertificateFault::Early {
            path: path.into(),
            on: validity.not_before.to_string(),
        });
    }
    Ok(())
}

fn names(parsed: &X509Certificate<'_>) -> Vec<Box<str>> {
    let alternatives = parsed.subject_alternative_name().ok().flatten();
    let names = alternatives
        .iter()
        .flat_map(|extension| &extension.value.general_names);
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase().into()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use tempfile::TempDir;

    use super::*;

    fn write(room: &TempDir, params: CertificateParams) -> CertificateFiles {
        let key = KeyPair::generate().unwrap();
        let files = CertificateFiles {
            certificate: room.path().join("tls.crt"),
            key: room.path().join("tls.key"),
        };
        let certificate = params.self_signed(&key).unwrap();
        fs::write(&files.certificate, certificate.pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        files
    }

    fn params(names: &[&str]) -> CertificateParams {
        CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn names_are_covered_as_browsers_do() {
        let room = TempDir::new().unwrap();
        let files = write(&room, params(&["HS.example", "*.wild.example"]));
        let certificate = Certificate::read(&files).unwrap();
        for (name, covered) in [
            ("hs.example", true),
            ("hs.example.", true),
            ("a.hs.example", false),
            ("a.wild.example", true),
            ("wild.example", false),
            ("a.b.wild.example", false),
            ("example", false),
        ] {
            assert_eq!(certificate.covers(name), covered, "{name}");
        }
    }

    #[test]
    fn faults_name_the_file_and_the_way_out() {
        let room = TempDir::new().unwrap();
        let fault = |files: &CertificateFiles| {
            let fault = Certificate::read(files).unwrap_err();
            let text = fault.to_string().replace(room.path().to_str().unwrap(), "");
            (fault.is_of_key(files), text)
        };
        let files = write(&room, params(&["a"]));
        let other = CertificateFiles {
            key: room.path().join("other.key"),
            ..files.clone()
        };
        let missing = (
            true,
            "/other.key: No such file or directory (os error 2)".into(),
        );
        assert_eq!(fault(&other), missing);
        fs::write(&other.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        let mismatch = (
            true,
            "/other.key: the key of another certificate than /tls.crt".into(),
        );
        assert_eq!(fault(&other), mismatch);
        fs::write(&other.key, "no key").unwrap();
        assert_eq!(
            fault(&other),
            (true, "/other.key: no private key in PEM".into())
        );
        fs::write(&files.certificate, "").unwrap();
        assert_eq!(
            fault(&files),
            (false, "/tls.crt: no certificate in PEM".into())
        );
        let mut old = params(&["a"]);
        old.not_after = date_time_ymd(2001, 1, 1);
        let (of_key, text) = fault(&write(&room, old));
        assert!(
            !of_key && text.starts_with("/tls.crt: expired on Jan  1 "),
            "{text}"
        );
        let mut young = params(&["a"]);
        young.not_before = date_time_ymd(4000, 1, 1);
        young.not_after = date_time_ymd(4001, 1, 1);
        let (_, text) = fault(&write(&room, young));
        assert!(text.contains("not valid before"), "{text}");
    }

    #[test]
    fn new_files_replace_the_old_ones_when_they_are_sound() {
        let room = TempDir::new().unwrap();
        let files = write(&room, params(&["old.example"]));
        let certificates = Certificates::read(std::slice::from_ref(&files)).unwrap();
        let seen = certificates.served.load().stamps.clone();
        let covers = |name| certificates.served.load().all[0].covers(name);
        write(&room, params(&["new.example"]));
        assert_ne!(stamps(&[files]), seen);
        certificates.renew();
        assert!(covers("new.example") && !covers("old.example"));
        fs::write(room.path().join("tls.key"), "half a k").unwrap();
        certificates.renew();
        assert!(covers("new.example"), "a broken key replaces nothing");
    }
}
