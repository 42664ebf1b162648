//! Workers that the EndpointSlices of one Service name, watched at the API server.

mod client;
mod event;
mod labelled;
mod pause;
mod several;
mod slices;
mod snapshot;
mod store;
mod watch;

use std::{path::Path, sync::Arc};

pub use event::tell;
pub use labelled::{LABEL, Labelled, Labels, Place, Seen, ServiceName};
pub(super) use several::{follow_all, known_of_all};

use super::{Found, Publisher};
use pause::Pause;

/// Which Service, and what is taken of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The Service's name.
    pub service: Box<str>,
    /// Its namespace; none for our own.
    pub namespace: Option<Box<str>>,
    /// The workers' port; none when they have one only.
    pub port: Option<Port>,
    /// What workers are called by.
    pub naming: Naming,
    /// The share of the keys that each of its workers gets; above 0.
    pub weight: f64,
    /// What all sources of this kind share.
    pub cluster: Arc<Cluster>,
}

/// The API server, and what is kept for a start without it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// The file that says where the API server is and who we are; none for `KUBECONFIG`, else the pod's own account.
    pub kubeconfig: Option<Box<Path>>,
    /// The directory that the last set of each Service is kept in.
    pub snapshot: Option<Box<Path>>,
    /// Our zone, as the nodes' label `topology.kubernetes.io/zone` has it.
    pub zone: Option<Box<str>>,
    /// Whether workers of our zone are preferred where no key places a request.
    pub prefer_zone: bool,
}

impl Cluster {
    /// The zone whose workers are preferred.
    fn preferred_zone(&self) -> Option<&str> {
        self.zone.as_deref().filter(|_| self.prefer_zone)
    }
}

/// A port as an admin names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// By the name that the Service gives it.
    Name(Box<str>),
    /// By the number that the workers listen on, or else by the Service's.
    Number(u16),
}

/// What a worker is called by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// The pod's name, which in a StatefulSet survives a restart; the address where there is no pod.
    #[default]
    Pod,
    /// The address.
    Address,
}

/// The last set that was kept, which is old until the API server says so.
pub(super) fn known(settings: &Settings) -> Found {
    snapshot::load(settings).unwrap_or_default()
}

/// Watches for as long as somebody wants to know.
pub(super) async fn follow(settings: Settings, publisher: Publisher) {
    tokio::select! {
        () = publisher.closed() => {}
        never = watch_again_and_again(&settings, &publisher) => match never {},
    }
}

/// Each watch begins with a list of all there is, so that whatever ended the one before does no harm: a cut, an
/// expired resource version, an API server that was away.
async fn watch_again_and_again(
    settings: &Settings,
    publisher: &Publisher,
) -> std::convert::Infallible {
    let mut pause = Pause::default();
    loop {
        let mut whole = None;
        let fault = watch::until_a_fault(settings, publisher, &mut whole).await;
        let ended = format!("watch the Service {}: {fault}", settings.service);
        if pause.held(whole) {
            tracing::debug!("{ended}");
            continue;
        }
        publisher.lost(ended);
        pause.wait().await;
    }
}
