//! The files that the configuration names must be of use, too.

use super::Fault;
use crate::front::{Certificate, CertificateFiles, Settings};

/// What is wrong with the listeners' certificates.
pub(super) fn faults(listeners: &[Settings]) -> Vec<Fault> {
    let listeners = listeners.iter().enumerate();
    listeners
        .flat_map(|(index, listener)| of_listener(&format!("listeners[{index}]"), listener))
        .collect()
}

fn of_listener(path: &str, listener: &Settings) -> Vec<Fault> {
    let (mut sound, mut faults) = (Vec::new(), Vec::new());
    for (index, files) in listener.tls.iter().enumerate() {
        let path = match listener.tls.len() {
            1 => format!("{path}.tls"),
            _ => format!("{path}.tls[{index}]"),
        };
        match read(&path, files) {
            Ok(certificate) => sound.push(certificate),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() && !sound.is_empty() {
        faults.extend(uncovered(path, listener, &sound));
    }
    faults
}

fn read(path: &str, files: &CertificateFiles) -> Result<Certificate, Fault> {
    Certificate::read(files).map_err(|fault| {
        let key = if fault.is_of_key(files) {
            "key"
        } else {
            "certificate"
        };
        Fault::new(format!("{path}.{key}"), fault.to_string())
    })
}

/// A name that is served needs a certificate.
fn uncovered(path: &str, listener: &Settings, certificates: &[Certificate]) -> Vec<Fault> {
    let hosts = listener.door.hosts.iter().enumerate();
    let uncovered = hosts.filter(|(_, host)| {
        !host.starts_with('[') && !certificates.iter().any(|one| one.covers(host))
    });
    uncovered
        .map(|(index, host)| {
            let message =
                format!("no certificate of this listener is made for {host}; add one under `tls`");
            Fault::new(format!("{path}.hosts[{index}]"), message)
        })
        .collect()
}
