//! The last set of a Service, and the Services with our label, in files for a start while the API server is away.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use super::{Cluster, Labelled, Settings};
use crate::discovery::{Endpoint, Found, Stale};

#[derive(Deserialize, Serialize)]
struct Worker {
    name: Box<str>,
    address: Box<str>,
    draining: bool,
}

/// The set that was kept; none when there is no file, or it is no use.
pub(super) fn load(settings: &Settings) -> Option<Found> {
    let path = path(settings)?;
    let workers: Vec<Worker> = read(&path)?;
    let endpoint = |worker: Worker| {
        let address = worker.address.parse().ok()?;
        Some(Endpoint {
            draining: worker.draining,
            weight: settings.weight,
            ..Endpoint::new(worker.name, address)
        })
    };
    let stale = Stale {
        since: Instant::now()
            .checked_sub(age(&path))
            .unwrap_or_else(Instant::now),
        why: format!("from the snapshot {}", path.display()).into(),
    };
    Some(Found {
        endpoints: workers.into_iter().filter_map(endpoint).collect(),
        stale: Some(stale.into()),
    })
}

/// Keeps the set. A fault here is only told: the set itself is in use already.
pub(super) fn save(settings: &Settings, endpoints: &[Endpoint]) {
    let Some(path) = path(settings) else { return };
    let worker = |endpoint: &Endpoint| Worker {
        name: endpoint.name.clone(),
        address: endpoint.address.to_string().into(),
        draining: endpoint.draining,
    };
    let workers: Vec<Worker> = endpoints.iter().map(worker).collect();
    write(&path, &workers);
}

/// The Services with our label that were kept of a namespace.
pub(super) fn load_labelled(cluster: &Cluster, namespace: Option<&str>) -> Option<Arc<[Labelled]>> {
    let services: Vec<Labelled> = read(&labelled_path(cluster, namespace)?)?;
    Some(services.into())
}

/// Keeps them.
pub(super) fn save_labelled(cluster: &Cluster, namespace: Option<&str>, services: &[Labelled]) {
    if let Some(path) = labelled_path(cluster, namespace) {
        write(&path, services);
    }
}

fn path(settings: &Settings) -> Option<PathBuf> {
    let directory = settings.cluster.snapshot.as_ref()?;
    let namespace = settings.namespace.as_deref().unwrap_or("own");
    Some(directory.join(format!("{namespace}.{}.json", settings.service)))
}

/// No Service is called like this file: their names have no `_`.
fn labelled_path(cluster: &Cluster, namespace: Option<&str>) -> Option<PathBuf> {
    let directory = cluster.snapshot.as_ref()?;
    let namespace = namespace.unwrap_or("own");
    Some(directory.join(format!("{namespace}.labelled_services.json")))
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let read = fs::read(path).and_then(|text| Ok(serde_json::from_slice(&text)?));
    match read {
        Ok(kept) => Some(kept),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(
                "read the snapshot {}: {error}; starting without it",
                path.display()
            );
            None
        }
    }
}

fn age(path: &Path) -> Duration {
    let written = fs::metadata(path).and_then(|file| file.modified()).ok();
    written
        .and_then(|at| SystemTime::now().duration_since(at).ok())
        .unwrap_or_default()
}

/// Written beside and renamed, so that there is always a whole one.
fn write<T: Serialize + ?Sized>(path: &Path, kept: &T) {
    let beside = path.with_extension("new");
    let written = serde_json::to_vec_pretty(kept)
        .map_err(io::Error::other)
        .and_then(|text| fs::write(&beside, text))
        .and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        tracing::warn!("write the snapshot {}: {error}", path.display());
    }
}
