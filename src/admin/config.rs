//! The running configuration: since when, and what became of the last try to change it.

use std::time::SystemTime;

use axum::{Json, extract::State};
use serde::Serialize;

use super::Desk;

#[derive(Debug, Serialize)]
pub(super) struct Config {
    /// When the running configuration was loaded.
    loaded: String,
    /// When a reload was tried last; the same unless it was refused.
    tried: String,
    /// Why that changed nothing.
    faults: Vec<String>,
    /// What waits for a restart.
    restart: Vec<String>,
    /// What is wrong with the labels of Services.
    labels: Vec<String>,
}

/// The state of the configuration.
pub(super) async fn show(State(desk): State<Desk>) -> Json<Config> {
    let last = desk.shared.metrics.reloads.last();
    Json(Config {
        loaded: stamp(last.loaded),
        tried: stamp(last.tried),
        faults: last.faults,
        restart: last.restart,
        labels: desk.shared.metrics.labels.last(),
    })
}

fn stamp(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}
