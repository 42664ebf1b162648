//! Takes a worker out of service, and puts it back.

use axum::{
    Json,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{Desk, fault, token};

/// Which worker.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pool: String,
    worker: String,
}

/// The worker gets no new requests; what runs there ends by itself, or is cut after `timeouts.drain`.
pub(super) async fn start(desk: State<Desk>, named: Query<Named>, headers: HeaderMap) -> Response {
    mark(&desk, &named, &headers, true)
}

/// The worker gets requests again.
pub(super) async fn end(desk: State<Desk>, named: Query<Named>, headers: HeaderMap) -> Response {
    mark(&desk, &named, &headers, false)
}

fn mark(desk: &Desk, named: &Named, headers: &HeaderMap, drains: bool) -> Response {
    if let Some(refusal) = token::refuse(desk.shared.token.as_ref(), headers) {
        return refusal;
    }
    let (pool, name) = (&*named.pool, &*named.worker);
    let state = desk.state();
    let Some(worker) = state.pool(pool).and_then(|pool| pool.worker(name)) else {
        let message = format!("no worker `{name}` in a pool `{pool}`; /api/pools lists them");
        return fault(StatusCode::NOT_FOUND, message);
    };
    worker.drain(drains);
    let what = if drains { "drains" } else { "serves again" };
    tracing::info!(pool, worker = name, "an admin has asked: it {what}");
    let state = worker.condition().name();
    Json(json!({ "pool": pool, "worker": name, "state": state })).into_response()
}
