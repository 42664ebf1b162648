//! Services that say by a label which pool their workers are.

use std::{collections::BTreeMap, convert::Infallible, fmt, num::NonZeroU32, sync::Arc};

use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Service;
use kube::{
    Api, ResourceExt,
    runtime::watcher::{self, watcher},
};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    Cluster,
    client::{self, Fault},
    pause::Pause,
    snapshot,
    store::Store,
    watch::{LIMIT, TERM},
};

/// The label that names the pool.
pub const LABEL: &str = "thalamus/pool";

/// What begins every key that is for us.
const OURS: &str = "thalamus/";

/// Where Services are looked for that make pools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// The namespaces; none in it stands for our own.
    pub namespaces: Box<[Option<Box<str>>]>,
    /// What is shared with the other sources.
    pub cluster: Arc<Cluster>,
    /// How many of us there are: each keeps to its part of what a pool bears.
    pub replicas: NonZeroU32,
}

/// A Service's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub struct ServiceName {
    /// Its namespace.
    pub namespace: Box<str>,
    /// Its name there.
    pub name: Box<str>,
}

/// A Service with the label, and what it says to us.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Labelled {
    /// When it was made, in seconds since 1970: the elder one wins.
    pub created: i64,
    /// Which Service.
    pub service: ServiceName,
    /// Its identity for as long as it lives.
    pub uid: Box<str>,
    /// Which of its versions this is.
    pub version: Box<str>,
    /// The pool that the label names.
    pub pool: Box<str>,
    /// The rest of what begins with `thalamus/`, without that.
    pub says: BTreeMap<Box<str>, Box<str>>,
}

/// What is known of one namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// Its Services with the label, the elder ones first; none before the API server has answered.
    pub services: Option<Arc<[Labelled]>>,
    /// Why it cannot be asked; its Services are those of that moment.
    pub lost: Option<Arc<str>>,
}

/// What is known of all namespaces, in the order of [`Labels::namespaces`].
pub type Seen = Box<[Place]>;

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Labels {
    /// What is known now and whenever it changes, until nobody holds the receiver.
    pub fn watch(&self) -> watch::Receiver<Seen> {
        let known = |namespace: &Option<Box<str>>| known(&self.cluster, namespace.as_deref());
        let (sender, seen) = watch::channel(self.namespaces.iter().map(known).collect());
        let sender = Arc::new(sender);
        for (index, namespace) in self.namespaces.iter().cloned().enumerate() {
            let (sender, cluster) = (sender.clone(), self.cluster.clone());
            tokio::spawn(async move {
                let spot = Spot {
                    sender,
                    index,
                    namespace,
                    cluster,
                };
                tokio::select! {
                    () = spot.sender.closed() => {}
                    never = spot.follow() => match never {},
                }
            });
        }
        seen
    }
}

/// What was kept of a namespace.
fn known(cluster: &Cluster, namespace: Option<&str>) -> Place {
    let services = snapshot::load_labelled(cluster, namespace);
    Place {
        lost: services
            .as_ref()
            .map(|_| "known from the snapshot only".into()),
        services,
    }
}

/// One namespace, and where to say what is there.
struct Spot {
    sender: Arc<watch::Sender<Seen>>,
    index: usize,
    namespace: Option<Box<str>>,
    cluster: Arc<Cluster>,
}

impl Spot {
    /// Each watch begins with a list, as those of a Service's workers do.
    async fn follow(&self) -> Infallible {
        let mut pause = Pause::default();
        loop {
            let mut whole = None;
            let ended = self.until_a_fault(&mut whole).await;
            let Err(fault) = ended;
            if !pause.held(whole) {
                self.lose(&fault);
                pause.wait().await;
            }
        }
    }

    async fn until_a_fault(&self, whole: &mut Option<Instant>) -> Result<Infallible, Fault> {
        let client = client::connect(&self.cluster).await?;
        let namespace = self.namespace.as_deref();
        let namespace = namespace.unwrap_or(client.default_namespace()).to_owned();
        let labelled = watcher::Config::default().timeout(TERM).labels(LABEL);
        let mut events = watcher(Api::<Service>::namespaced(client, &namespace), labelled).boxed();
        let mut services = Store::default();
        let limit = Instant::now() + LIMIT;
        loop {
            let event = tokio::select! {
                event = events.try_next() => event?.ok_or(Fault::Ended)?,
                () = sleep_until(limit), if whole.is_none() => return Err(Fault::Late(LIMIT)),
            };
            services.take(event);
            if let Some(services) = services.whole() {
                whole.get_or_insert_with(Instant::now);
                self.see(services);
            }
        }
    }

    fn see<'a>(&self, services: impl Iterator<Item = &'a Service>) {
        let mut services: Vec<_> = services.filter_map(read).collect();
        services.sort_by(|one, other| {
            (one.created, &one.service).cmp(&(other.created, &other.service))
        });
        let changed = self.change(|place| {
            place.lost = None;
            place.services = Some(services.into());
        });
        if let Some(services) = changed.and_then(|place| place.services) {
            snapshot::save_labelled(&self.cluster, self.namespace.as_deref(), &services);
        }
    }

    fn lose(&self, fault: &Fault) {
        let of = self.namespace.as_deref().unwrap_or("of our own");
        let why =
            format!("look for Services with the label {LABEL} in the namespace {of}: {fault}");
        self.change(|place| place.lost = Some(why.into()));
    }

    /// The place as it is now, when it changed.
    fn change(&self, change: impl FnOnce(&mut Place)) -> Option<Place> {
        let mut changed = None;
        self.sender.send_if_modified(|seen| {
            let before = seen[self.index].clone();
            change(&mut seen[self.index]);
            changed = (seen[self.index] != before).then(|| seen[self.index].clone());
            changed.is_some()
        });
        changed
    }
}

/// What a Service says to us; nothing while it is being deleted.
fn read(service: &Service) -> Option<Labelled> {
    let metadata = &service.metadata;
    let pool = metadata.labels.as_ref()?.get(LABEL)?;
    let ours = |(key, value): (&String, &String)| {
        let key = key.strip_prefix(OURS).filter(|key| *key != "pool")?;
        Some((key.into(), value.as_str().into()))
    };
    let labels = service.labels().iter().filter_map(ours);
    let says = service.annotations().iter().filter_map(ours).chain(labels);
    if metadata.deletion_timestamp.is_some() {
        return None;
    }
    Some(Labelled {
        created: metadata
            .creation_timestamp
            .as_ref()
            .map_or(0, |time| time.0.as_second()),
        service: ServiceName {
            namespace: service.namespace()?.into(),
            name: service.name_any().into(),
        },
        uid: service.uid().unwrap_or_default().into(),
        version: service.resource_version().unwrap_or_default().into(),
        pool: pool.as_str().into(),
        says: says.collect(),
    })
}
