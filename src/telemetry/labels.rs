//! What is wrong with the labels of Services.

use std::sync::{Mutex, PoisonError};

use prometheus::{IntGaugeVec, Registry, register_int_gauge_vec_with_registry};

/// A namespace and a Service, both empty for a fault of none, with what is wrong there.
pub type LabelFaults = Vec<((String, String), String)>;

/// The faults of this moment.
#[derive(Debug)]
pub struct Labels {
    faults: IntGaugeVec,
    last: Mutex<Vec<String>>,
}

impl Labels {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let faults = register_int_gauge_vec_with_registry!(
            "thalamus_label_faults",
            "Faults of labels that make pools, by Service; without one for what is wrong with the search for them.",
            &["namespace", "service"],
            registry
        )?;
        Ok(Self {
            faults,
            last: Mutex::default(),
        })
    }

    /// These are the faults from now on.
    pub fn show(&self, faults: LabelFaults) {
        self.faults.reset();
        for ((namespace, service), _) in &faults {
            self.faults.with_label_values(&[namespace, service]).inc();
        }
        let lines = faults.into_iter().map(|(_, line)| line).collect();
        // Nothing in here can be left half done.
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = lines;
    }

    /// A line for each fault.
    pub fn last(&self) -> Vec<String> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
