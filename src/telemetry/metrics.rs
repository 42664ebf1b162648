//! Counters and histograms, resolved once, so that a request pays for no label.

use prometheus::{
    Encoder, Histogram, IntCounter, IntGauge, IntGaugeVec, Registry, TextEncoder,
    register_histogram_vec_with_registry, register_int_counter_vec_with_registry,
    register_int_counter_with_registry, register_int_gauge_vec_with_registry,
    register_int_gauge_with_registry,
};

use super::{Labels, Reason, Record, Reloads};
use crate::{http2, matrix::Group};

/// The status classes of answers; the first stands for no answer.
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// Seconds; long polls end at 30, first syncs take minutes.
const BUCKETS: [f64; 13] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 31.0, 120.0, 600.0,
];

/// What is counted about requests and connections.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    groups: Box<[GroupMetrics]>,
    reasons: Box<[IntCounter]>,
    /// Open connections of clients.
    pub connections: IntGauge,
    /// Connections that clients have opened since the start.
    pub accepted: IntCounter,
    /// Handshakes of TLS that ended well.
    pub tls_accepted: IntCounter,
    /// Connections that ended with a fault of TLS.
    pub tls_failed: IntCounter,
    /// When each certificate ends, in seconds since 1970.
    pub certificate_expiry: IntGaugeVec,
    /// Connections without the PROXY header that their listener asks for.
    pub unintroduced: IntCounter,
    /// Requests that went to another worker after one failed.
    pub moved: IntCounter,
    /// Connections that were turned away, as there were too many.
    pub turned_away: IntCounter,
    /// Requests that were not sent again as too many had been.
    pub unmoved: IntCounter,
    /// What is counted of HTTP/2.
    pub http2: http2::Counts,
    /// What became of the configuration.
    pub reloads: Reloads,
    /// What is wrong with the labels of Services.
    pub labels: Labels,
}

#[derive(Debug)]
struct GroupMetrics {
    requests: [IntCounter; CLASSES.len()],
    took: Histogram,
}

impl Metrics {
    /// All metrics, at zero.
    ///
    /// # Errors
    /// When two metrics have one name, which the tests rule out.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let requests = register_int_counter_vec_with_registry!(
            "thalamus_requests_total",
            "Requests that ended, by group and class of status.",
            &["group", "status"],
            registry
        )?;
        let took = register_histogram_vec_with_registry!(
            "thalamus_request_duration_seconds",
            "From a request's head to its answer's end.",
            &["group"],
            BUCKETS.into(),
            registry
        )?;
        let reasons = register_int_counter_vec_with_registry!(
            "thalamus_outcomes_total",
            "Requests that ended, by reason.",
            &["reason"],
            registry
        )?;
        let counter =
            |name: &str, help: &str| register_int_counter_with_registry!(name, help, registry);
        let group = |group: &Group| GroupMetrics {
            requests: CLASSES.map(|class| requests.with_label_values(&[group.name(), class])),
            took: took.with_label_values(&[group.name()]),
        };
        Ok(Self {
            groups: Group::ALL.iter().map(group).collect(),
            reasons: Reason::ALL
                .iter()
                .map(|reason| reasons.with_label_values(&[reason.code()]))
                .collect(),
            connections: register_int_gauge_with_registry!(
                "thalamus_client_connections",
                "Open connections of clients.",
                registry
            )?,
            accepted: counter(
                "thalamus_client_connections_total",
                "Connections that clients opened.",
            )?,
            turned_away: counter(
                "thalamus_client_connections_turned_away_total",
                "Connections of clients that were refused, as there were too many.",
            )?,
            unintroduced: counter(
                "thalamus_refused_proxy_headers_total",
                "Connections closed for want of a PROXY header from a trusted proxy.",
            )?,
            tls_accepted: counter(
                "thalamus_tls_handshakes_total",
                "Handshakes of TLS that ended well.",
            )?,
            tls_failed: counter(
                "thalamus_tls_failures_total",
                "Connections of clients that ended with a fault of TLS.",
            )?,
            certificate_expiry: register_int_gauge_vec_with_registry!(
                "thalamus_certificate_expiry_timestamp_seconds",
                "When a certificate ends, by its first name.",
                &["name"],
                registry
            )?,
            moved: counter(
                "thalamus_moved_requests_total",
                "Requests sent again to another worker.",
            )?,
            unmoved: counter(
                "thalamus_unmoved_requests_total",
                "Requests not sent again, as too many had been in the last seconds.",
            )?,
            http2: http2::Counts::new(&registry)?,
            reloads: Reloads::new(&registry)?,
            labels: Labels::new(&registry)?,
            registry,
        })
    }

    /// Counts a request that ended.
    pub fn count(&self, record: &Record<'_>) {
        self.reasons[record.reason as usize].inc();
        if let Some(group) = record.group {
            let group = &self.groups[group as usize];
            group.requests[class(record.status)].inc();
            group.took.observe(record.took.as_secs_f64());
        }
    }

    /// Adds what another part collects at each scrape.
    ///
    /// # Errors
    /// When a metric of that name is there already.
    pub fn register(
        &self,
        collector: Box<dyn prometheus::core::Collector>,
    ) -> prometheus::Result<()> {
        self.registry.register(collector)
    }

    /// Everything in the text format of Prometheus.
    ///
    /// # Errors
    /// When a collector gives a family without metrics.
    pub fn render(&self) -> prometheus::Result<Vec<u8>> {
        let mut text = vec![];
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

fn class(status: u16) -> usize {
    usize::from(status / 100).min(CLASSES.len() - 1)
}
