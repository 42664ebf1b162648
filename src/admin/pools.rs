//! The pools of this moment, as JSON.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;

use super::Desk;
use crate::{
    discovery,
    pool::{self, View},
};

#[derive(Debug, Serialize)]
pub(super) struct Pool {
    name: String,
    serves: Vec<&'static str>,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<Stale>,
    /// Requests that a worker may have at a time, from us.
    cap: u32,
    /// Requests that wait for a worker, or for a slot at one.
    waiting: usize,
    workers: Vec<Worker>,
}

/// Why the source cannot be asked, and for how long.
#[derive(Debug, Serialize)]
struct Stale {
    seconds: u64,
    why: String,
}

#[derive(Debug, Serialize)]
struct Worker {
    name: String,
    address: String,
    state: &'static str,
    in_flight: u32,
    served: u64,
    failed: u64,
}

/// All pools in the order of the configuration.
pub(super) async fn list(State(desk): State<Desk>) -> Json<Vec<Pool>> {
    let leaving = desk.shared.leaving.load();
    Json(
        desk.state()
            .pools
            .iter()
            .map(|view| Pool::new(view, &leaving))
            .collect(),
    )
}

impl Pool {
    /// With the workers that have left its source and still run requests.
    fn new(view: &View, leaving: &[Arc<pool::Worker>]) -> Self {
        let settings = &view.settings;
        let left = leaving.iter().filter(|worker| worker.pool == settings.name);
        let generic = settings.generic.then_some("generic");
        Self {
            name: settings.name.to_string(),
            serves: settings
                .serves
                .iter()
                .map(|group| group.name())
                .chain(generic)
                .collect(),
            source: settings.source.name(),
            stale: view.stale.as_deref().map(Stale::new),
            cap: settings.cap.get(),
            waiting: view.waiting(),
            workers: view
                .workers
                .iter()
                .chain(left)
                .map(|worker| Worker::new(worker))
                .collect(),
        }
    }
}

impl Stale {
    fn new(stale: &discovery::Stale) -> Self {
        Self {
            seconds: stale.since.elapsed().as_secs(),
            why: stale.why.to_string(),
        }
    }
}

impl Worker {
    fn new(worker: &pool::Worker) -> Self {
        Self {
            name: worker.name.to_string(),
            address: worker.address.to_string(),
            state: worker.condition().name(),
            in_flight: worker.in_flight(),
            served: worker.served(),
            failed: worker.failed(),
        }
    }
}
