//! What is counted of HTTP/2, over all connections.

use prometheus::{
    IntCounter, IntGauge, Registry, register_int_counter_with_registry,
    register_int_gauge_with_registry,
};

/// Connections and the requests on them.
#[derive(Clone, Debug)]
pub struct Counts {
    /// Open connections.
    pub connections: IntGauge,
    /// Requests that run.
    pub streams: IntGauge,
    /// Requests that their clients took back, or left.
    pub taken_back: IntCounter,
    /// Connections that ended as their client sent a flood.
    pub floods: IntCounter,
}

impl Counts {
    /// All of them, at zero.
    ///
    /// # Errors
    /// When a metric of such a name is there already.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            connections: register_int_gauge_with_registry!(
                "thalamus_http2_connections",
                "Open connections of clients that speak HTTP/2.",
                registry
            )?,
            streams: register_int_gauge_with_registry!(
                "thalamus_http2_streams",
                "Requests of HTTP/2 that run.",
                registry
            )?,
            taken_back: register_int_counter_with_registry!(
                "thalamus_http2_resets_total",
                "Requests of HTTP/2 that their clients took back, or left, before the answer was whole.",
                registry
            )?,
            floods: register_int_counter_with_registry!(
                "thalamus_http2_floods_total",
                "Connections closed for a flood: of requests taken back, heads without end, or empty frames.",
                registry
            )?,
        })
    }
}
