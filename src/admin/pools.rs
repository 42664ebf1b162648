//! The pools of this moment, as JSON.

use axum::{Json, extract::State};
use serde::Serialize;

use super::Desk;
use crate::pool::{self, View};

#[derive(Debug, Serialize)]
pub(super) struct Pool {
    name: String,
    serves: Vec<&'static str>,
    source: &'static str,
    workers: Vec<Worker>,
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
    Json(
        desk.state()
            .pools
            .iter()
            .map(|view| Pool::new(view))
            .collect(),
    )
}

impl Pool {
    fn new(view: &View) -> Self {
        let settings = &view.settings;
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
            workers: view
                .workers
                .iter()
                .map(|worker| Worker::new(worker))
                .collect(),
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
