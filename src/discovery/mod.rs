//! Which workers exist: every source is a receiver of the latest full set. Existence is never health.

pub mod dns;
pub mod kubernetes;
mod publisher;

use std::sync::Arc;

use tokio::{sync::watch, time::Instant};

use crate::net::Address;

pub use publisher::Publisher;

/// One worker as its source names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// The stable identity that users are placed by: configured name, else address.
    pub name: Box<str>,
    /// Where it listens.
    pub address: Address,
    /// Its share of the keys, against the other workers of its pool; above 0.
    pub weight: f64,
    /// True when it is about to go: it gets no new requests, what runs there ends by itself.
    pub draining: bool,
    /// True when it is in our zone and such workers are preferred where no key places a request.
    pub near: bool,
}

/// The full set of workers that a source last saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The workers, each name once.
    pub endpoints: Arc<[Endpoint]>,
    /// Set while the source cannot be asked: the workers are those of that moment.
    pub stale: Option<Arc<Stale>>,
}

/// Since when and why a source's answer is old.
#[derive(Debug, PartialEq)]
pub struct Stale {
    /// When the source was lost.
    pub since: Instant,
    /// What was tried, what came of it, and the way out.
    pub why: Box<str>,
}

/// Where a pool's workers come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A list in the configuration.
    Static(Arc<[Endpoint]>),
    /// What DNS names.
    Dns(dns::Settings),
    /// What the EndpointSlices of a Service name.
    Kubernetes(kubernetes::Settings),
    /// The same of several Services, whose workers are one set.
    Services(Arc<[kubernetes::Settings]>),
}

impl Endpoint {
    /// A worker with the usual weight.
    pub fn new(name: impl Into<Box<str>>, address: Address) -> Self {
        Self {
            name: name.into(),
            address,
            weight: 1.0,
            draining: false,
            near: false,
        }
    }
}

impl Source {
    /// The kind of source, as the status page names it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Static(_) => "static",
            Self::Dns(_) => "dns",
            Self::Kubernetes(_) | Self::Services(_) => "kubernetes",
        }
    }

    /// What is known without asking anybody.
    pub fn known(&self) -> Found {
        match self {
            Self::Static(endpoints) => endpoints.clone().into(),
            Self::Dns(_) => Found::default(),
            Self::Kubernetes(settings) => kubernetes::known(settings),
            Self::Services(all) => kubernetes::known_of_all(all),
        }
    }

    /// The latest set, now and whenever it changes. A source that has to search does so on the runtime of the caller,
    /// until nobody holds its receiver.
    pub fn watch(&self) -> watch::Receiver<Found> {
        self.watch_from(self.known())
    }

    /// The same, beginning with a set that is known until the source says another.
    pub fn watch_from(&self, known: Found) -> watch::Receiver<Found> {
        let (publisher, found) = Publisher::new(known);
        match self.clone() {
            Self::Static(_) => {}
            Self::Dns(settings) => {
                tokio::spawn(dns::follow(settings, publisher));
            }
            Self::Kubernetes(settings) => {
                tokio::spawn(kubernetes::follow(settings, publisher));
            }
            Self::Services(all) => {
                tokio::spawn(kubernetes::follow_all(all, publisher));
            }
        }
        found
    }
}

impl From<Arc<[Endpoint]>> for Found {
    fn from(endpoints: Arc<[Endpoint]>) -> Self {
        Self {
            endpoints,
            stale: None,
        }
    }
}
