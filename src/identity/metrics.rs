//! What is counted about tokens and the questions about them.

use std::sync::Arc;

use prometheus::{
    IntCounter, IntCounterVec, IntGauge, Opts,
    core::{Collector, Desc},
    proto::MetricFamily,
};

use super::{Tokens, tokens::Outcome};

/// Counters, and what is read from the tokens at each scrape.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    tokens: Arc<Tokens>,
    lookups: IntCounterVec,
    /// Requests that needed a question.
    pub(super) misses: IntCounter,
    /// Questions that were not asked, as too many are.
    pub(super) shed: IntCounter,
    /// Requests that went on before their answer came.
    pub(super) late: IntCounter,
    hits: IntCounter,
    entries: IntGauge,
    bytes: IntGauge,
}

impl Metrics {
    pub(super) fn new(tokens: Arc<Tokens>) -> prometheus::Result<Self> {
        let lookups = IntCounterVec::new(
            Opts::new(
                "thalamus_token_lookups_total",
                "Questions to workers whose an opaque token is, by what they brought.",
            ),
            &["outcome"],
        )?;
        for outcome in Outcome::NAMES {
            lookups.with_label_values(&[outcome]);
        }
        Ok(Self {
            tokens,
            lookups,
            misses: IntCounter::new(
                "thalamus_token_cache_misses_total",
                "Requests to be placed by an opaque token that nobody was asked about yet.",
            )?,
            shed: IntCounter::new(
                "thalamus_token_lookups_shed_total",
                "Questions about tokens not asked, as too many wait or no header can carry the token.",
            )?,
            late: IntCounter::new(
                "thalamus_token_lookups_late_total",
                "Requests that went on by the hash of their token, as no answer came within the budget.",
            )?,
            hits: IntCounter::new(
                "thalamus_token_cache_hits_total",
                "Requests with an opaque token whose user was known.",
            )?,
            entries: IntGauge::new("thalamus_token_cache_entries", "Opaque tokens kept.")?,
            bytes: IntGauge::new(
                "thalamus_token_cache_bytes",
                "Memory that opaque tokens take.",
            )?,
        })
    }

    /// Counts a question that ended.
    pub(super) fn count(&self, outcome: Outcome) {
        self.lookups.with_label_values(&[outcome.name()]).inc();
    }

    fn all(&self) -> [&dyn Collector; 7] {
        [
            &self.lookups,
            &self.misses,
            &self.shed,
            &self.late,
            &self.hits,
            &self.entries,
            &self.bytes,
        ]
    }
}

impl Collector for Metrics {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let size = self.tokens.size();
        self.hits.inc_by(size.hits.saturating_sub(self.hits.get()));
        self.entries.set(size.entries as i64);
        self.bytes.set(size.bytes as i64);
        self.all()
            .into_iter()
            .flat_map(Collector::collect)
            .collect()
    }
}
