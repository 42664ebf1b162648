//! The last set of a Service in a file, for a start while the API server is away.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Settings;
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
    match read(&path) {
        Ok(found) => Some(found),
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

/// Keeps the set. A fault here is only told: the set itself is in use already.
pub(super) fn save(settings: &Settings, endpoints: &[Endpoint]) {
    let Some(path) = path(settings) else { return };
    if let Err(error) = write(&path, endpoints) {
        tracing::warn!("write the snapshot {}: {error}", path.display());
    }
}

fn path(settings: &Settings) -> Option<PathBuf> {
    let directory = settings.cluster.snapshot.as_ref()?;
    let namespace = settings.namespace.as_deref().unwrap_or("own");
    Some(directory.join(format!("{namespace}.{}.json", settings.service)))
}

fn read(path: &Path) -> io::Result<Found> {
    let written = fs::metadata(path)?.modified()?;
    let workers: Vec<Worker> = serde_json::from_slice(&fs::read(path)?)?;
    let endpoint = |worker: Worker| {
        let address = worker.address.parse().map_err(io::Error::other)?;
        Ok(Endpoint {
            draining: worker.draining,
            ..Endpoint::new(worker.name, address)
        })
    };
    let endpoints: io::Result<Arc<[_]>> = workers.into_iter().map(endpoint).collect();
    let age = SystemTime::now()
        .duration_since(written)
        .unwrap_or_default();
    let stale = Stale {
        since: Instant::now().checked_sub(age).unwrap_or_else(Instant::now),
        why: format!("from the snapshot {}", path.display()).into(),
    };
    Ok(Found {
        endpoints: endpoints?,
        stale: Some(stale.into()),
    })
}

/// Written beside and renamed, so that there is always a whole one.
fn write(path: &Path, endpoints: &[Endpoint]) -> io::Result<()> {
    let worker = |endpoint: &Endpoint| Worker {
        name: endpoint.name.clone(),
        address: endpoint.address.to_string().into(),
        draining: endpoint.draining,
    };
    let workers: Vec<Worker> = endpoints.iter().map(worker).collect();
    let beside = path.with_extension("new");
    fs::write(&beside, serde_json::to_vec_pretty(&workers)?)?;
    fs::rename(&beside, path)
}
