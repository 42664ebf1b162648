//! The admin address: health, readiness, metrics, and what a person looks at.

mod config;
mod drain;
mod explain;
mod page;
mod pools;
mod probes;
mod settings;
mod token;
mod workers;

use std::{io, sync::Arc};

use arc_swap::{ArcSwap, Guard};
use axum::{
    Json, Router,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use tokio::net::TcpListener;

pub use settings::Settings;
pub use token::Token;

use crate::{
    lifecycle::Stop, net::Address, pool::Leaving, proxy::Door, route::State, telemetry::Metrics,
};

/// Headers of every answer: nothing from elsewhere runs on our pages, and no answer is kept.
const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

/// What the admin pages show.
#[derive(Clone, Debug)]
pub struct Shared {
    state: Arc<ArcSwap<State>>,
    doors: Arc<ArcSwap<Vec<Arc<Door>>>>,
    leaving: Arc<Leaving>,
    metrics: Arc<Metrics>,
    token: Option<Token>,
}

/// What a handler works with.
#[derive(Clone, Debug)]
struct Desk {
    shared: Shared,
    stop: Stop,
}

impl Shared {
    /// Pages about `state` behind these `doors`; what its workers count joins the `metrics`. Who has the `token` may
    /// change something.
    ///
    /// # Errors
    /// When the workers' metrics are registered already.
    pub fn new(
        state: Arc<ArcSwap<State>>,
        doors: Arc<ArcSwap<Vec<Arc<Door>>>>,
        leaving: Arc<Leaving>,
        metrics: Arc<Metrics>,
        token: Option<Token>,
    ) -> prometheus::Result<Self> {
        metrics.register(Box::new(workers::Collector::new(state.clone())?))?;
        Ok(Self {
            state,
            doors,
            leaving,
            metrics,
            token,
        })
    }
}

impl Desk {
    fn state(&self) -> Guard<Arc<State>> {
        self.shared.state.load()
    }
}

/// Listens on the admin address.
///
/// # Errors
/// What the system says, with the address.
pub async fn bind(settings: &Settings) -> io::Result<TcpListener> {
    let bound = match &settings.address {
        Address::Ip(address) => TcpListener::bind(address).await,
        Address::Host(host, port) => TcpListener::bind((&**host, *port)).await,
        Address::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
    };
    let with_address = |error: io::Error| {
        let message = format!(
            "listen on {} for the admin pages: {error}",
            settings.address
        );
        io::Error::new(error.kind(), message)
    };
    bound.map_err(with_address)
}

/// Serves the admin pages until the task is dropped: metrics are wanted while the last requests run. Once `stop` is
/// asked for, `/ready` says no.
pub async fn serve(listener: TcpListener, shared: Shared, stop: Stop) {
    let served = axum::serve(listener, router(Desk { shared, stop })).await;
    if let Err(error) = served {
        tracing::error!(%error, "the admin pages are gone");
    }
}

fn router(desk: Desk) -> Router {
    Router::new()
        .route("/", get(page::html))
        .route("/status.js", get(page::script))
        .route("/status.css", get(page::style))
        .route("/icon.svg", get(page::icon))
        .route("/health", get(probes::health))
        .route("/ready", get(probes::ready))
        .route("/metrics", get(probes::metrics))
        .route("/api/pools", get(pools::list))
        .route("/api/explain", get(explain::explain))
        .route("/api/config", get(config::show))
        .route("/api/drain", post(drain::start).delete(drain::end))
        .fallback(nothing_here)
        .layer(map_response(with_headers))
        .with_state(desk)
}

async fn with_headers(mut response: Response) -> Response {
    let headers = HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value)));
    response.headers_mut().extend(headers);
    response
}

async fn nothing_here() -> Response {
    fault(
        StatusCode::NOT_FOUND,
        "no such page; see /, /health, /ready, /metrics, /api/pools, /api/explain, /api/config and /api/drain",
    )
}

/// A fault of the one who asks.
fn fault(status: StatusCode, message: impl Into<String>) -> Response {
    (status, Json(json!({ "error": message.into() }))).into_response()
}

#[cfg(test)]
mod tests;
