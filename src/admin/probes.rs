//! What machines ask: health, readiness, metrics.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Desk, fault};

/// The text format of Prometheus.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// 200 while the process turns.
pub(super) async fn health() -> &'static str {
    "healthy\n"
}

/// 200 once every pool without a fallback has a worker, until we are asked to stop.
pub(super) async fn ready(State(desk): State<Desk>) -> (StatusCode, &'static str) {
    match (desk.stop.is_asked(), desk.state().is_ready()) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
        (false, false) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "a pool that nothing replaces has no worker yet\n",
        ),
        (false, true) => (StatusCode::OK, "ready\n"),
    }
}

/// Everything we count.
pub(super) async fn metrics(State(desk): State<Desk>) -> Response {
    match desk.shared.metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => fault(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}
