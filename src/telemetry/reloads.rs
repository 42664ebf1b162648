//! What became of the configuration: loaded when, refused why.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use prometheus::{
    Gauge, IntCounter, IntGauge, Registry, register_gauge_with_registry,
    register_int_counter_vec_with_registry, register_int_gauge_with_registry,
};

/// The configuration that runs, and what became of the last try to change it.
#[derive(Debug)]
pub struct Reloads {
    loaded: IntCounter,
    refused: IntCounter,
    successful: IntGauge,
    success_at: Gauge,
    last: Mutex<Last>,
}

/// The last try, as the status page shows it.
#[derive(Clone, Debug)]
pub struct Last {
    /// When the running configuration was loaded.
    pub loaded: SystemTime,
    /// When the last try was.
    pub tried: SystemTime,
    /// Why the last try changed nothing; empty when it did.
    pub faults: Vec<String>,
    /// What the running configuration needs a restart for.
    pub restart: Vec<String>,
}

impl Reloads {
    /// The first configuration is loaded now.
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let reloads = register_int_counter_vec_with_registry!(
            "thalamus_config_reloads_total",
            "Tries to reload the configuration, by outcome.",
            &["outcome"],
            registry
        )?;
        let successful = register_int_gauge_with_registry!(
            "thalamus_config_reload_successful",
            "1 when the last reload of the configuration was a success, or none was tried.",
            registry
        )?;
        let success_at = register_gauge_with_registry!(
            "thalamus_config_reload_success_timestamp_seconds",
            "When the running configuration was loaded.",
            registry
        )?;
        let now = SystemTime::now();
        let new = Self {
            loaded: reloads.with_label_values(&["loaded"]),
            refused: reloads.with_label_values(&["refused"]),
            successful,
            success_at,
            last: Mutex::new(Last {
                loaded: now,
                tried: now,
                faults: Vec::new(),
                restart: Vec::new(),
            }),
        };
        new.show_success(now);
        Ok(new)
    }

    /// The configuration was changed; `restart` names what only a restart changes.
    pub fn count_loaded(&self, restart: Vec<String>) {
        let now = SystemTime::now();
        self.loaded.inc();
        self.show_success(now);
        *self.lock() = Last {
            loaded: now,
            tried: now,
            faults: Vec::new(),
            restart,
        };
    }

    /// The try changed nothing, because of these faults.
    pub fn count_refused(&self, faults: Vec<String>) {
        self.refused.inc();
        self.successful.set(0);
        let mut last = self.lock();
        (last.tried, last.faults) = (SystemTime::now(), faults);
    }

    /// The last try.
    pub fn last(&self) -> Last {
        self.lock().clone()
    }

    fn show_success(&self, at: SystemTime) {
        let since = at.duration_since(SystemTime::UNIX_EPOCH);
        self.successful.set(1);
        self.success_at.set(since.unwrap_or_default().as_secs_f64());
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        // Nothing in here can be left half done.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
