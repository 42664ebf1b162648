//! Which workers exist: every source is a receiver of the latest full set. Existence is never health.

use std::sync::Arc;

use tokio::sync::watch;

use crate::net::Address;

/// One worker as its source names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// The stable identity that users are placed by: configured name, else address.
    pub name: Box<str>,
    /// Where it listens.
    pub address: Address,
    /// Its share of the keys, against the other workers of its pool; above 0.
    pub weight: f64,
}

/// The full set of workers that a source last saw.
pub type Found = Arc<[Endpoint]>;

/// Where a pool's workers come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A list in the configuration.
    Static(Found),
}

impl Source {
    /// The kind of source, as the status page names it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Static(_) => "static",
        }
    }

    /// The latest set, now and whenever it changes.
    pub fn watch(&self) -> watch::Receiver<Found> {
        match self {
            Self::Static(found) => watch::channel(found.clone()).1,
        }
    }
}
