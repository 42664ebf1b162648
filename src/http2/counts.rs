//! What is counted of HTTP/2, over all connections.

use prometheus::{IntCounter, IntGauge, Registry};

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
        let counts = Self {
            connections: IntGauge::new(
                "thalamus_http2_connections",
                "Open connections of clients that speak HTTP/2.",
            )?,
            streams: IntGauge::new("thalamus_http2_streams", "Requests of HTTP/2 that run.")?,
            taken_back: IntCounter::new(
                "thalamus_http2_resets_total",
                "Requests of HTTP/2 that their clients took back, or left, before the answer was whole.",
            )?,
            floods: IntCounter::new(
                "thalamus_http2_floods_total",
                "Connections closed for a flood: of requests taken back, heads without end, or empty frames.",
            )?,
        };
        registry.register(Box::new(counts.connections.clone()))?;
        registry.register(Box::new(counts.streams.clone()))?;
        registry.register(Box::new(counts.taken_back.clone()))?;
        registry.register(Box::new(counts.floods.clone()))?;
        Ok(counts)
    }
}
