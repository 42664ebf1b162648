//! What a request to a mounted service has besides: where its path begins, and what it may switch to.

use std::sync::Arc;

use crate::{
    http1::Request,
    route::{Mount, Place},
};

/// A request to a mounted service.
#[derive(Debug)]
pub(super) struct Mounted {
    /// The service.
    pub(super) mount: Arc<Mount>,
    /// The path without its query, where the worker gets another one.
    pub(super) path: Option<Box<str>>,
    /// What stands behind the prefix in the path.
    pub(super) behind: Box<str>,
    /// The client wants to speak another protocol.
    pub(super) upgrades: bool,
}

impl Mounted {
    pub(super) fn new(place: &Place, request: &Request<'_, '_>, path: &str) -> Self {
        let mount = place.mount.clone();
        Self {
            path: mount.strip.then(|| path.into()),
            behind: place.behind(path).into(),
            upgrades: mount.pool().is_some() && request.upgrade().is_some(),
            mount,
        }
    }

    /// Writes the head that the service gets, up to the fields that every request gets.
    pub(super) fn write(&self, request: &Request<'_, '_>, out: &mut Vec<u8>) {
        match &self.path {
            None => request.write(out),
            Some(path) => {
                let query = &request.target[path.len()..];
                let slash = if self.behind.is_empty() { "/" } else { "" };
                request.write_to(&[slash, &*self.behind, query], out);
            }
        }
        put(out, "x-forwarded-host", request.host);
        if let Some(protocol) = request.upgrade().filter(|_| self.upgrades) {
            put(out, "connection", b"upgrade");
            put(out, "upgrade", protocol);
        }
    }
}

fn put(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}
