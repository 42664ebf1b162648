//! Another configuration for the running proxy: checked whole and bound first, then swapped with one pointer.

use std::sync::Arc;

use super::{Running, bounds::Bounds, snapshot};
use crate::config::{Faults, Settings};

impl Running {
    /// Goes on with what was loaded; with its faults, goes on as before. Running requests go on either way, and so do
    /// the connections to workers that stay.
    pub async fn reload(&mut self, loaded: Result<Settings, Faults>) {
        let faults = match loaded {
            Ok(settings) => match self.apply(settings).await {
                Ok(()) => return,
                Err(error) => vec![format!("{error:#}")],
            },
            Err(faults) => faults.faults.iter().map(ToString::to_string).collect(),
        };
        for fault in &faults {
            tracing::error!("the configuration was not reloaded: {fault}");
        }
        self.metrics.reloads.count_refused(faults);
    }

    /// # Errors
    /// When an address cannot be bound or a certificate is of no use; nothing is changed then.
    async fn apply(&mut self, settings: Settings) -> anyhow::Result<()> {
        let bound = self.open.bind(&settings.listeners, &self.metrics)?;
        self.sources.pause().await;
        self.labels.watch(settings.labels.as_ref());
        let pools = self.labels.compose(&settings.pools, &self.metrics);
        self.sources.watch(&pools.all);
        let next = snapshot(&settings, &pools, &self.sources, Some(&self.state.load()));
        self.state.swap(Arc::new(next)).stir();
        self.sources.follow(&pools.all, &self.state);
        self.health.store(Arc::new(settings.health.clone()));
        self.open.open(bound, &self.threads, &self.metrics);
        self.doors.store(Arc::new(self.open.doors()));
        self.listeners = self.open.addresses();
        let restart = needs_restart(&self.settings, &settings);
        for key in &restart {
            tracing::warn!("`{key}` changes with a restart only; it stays as it was");
        }
        let bounds = Bounds::new(&settings);
        self.threads.set_bounds(bounds.connections, bounds.heads);
        self.settings.shutdown = settings.shutdown;
        let pools = pools.all.len();
        self.settings.pools = settings.pools;
        tracing::info!(pools, listeners = ?self.addresses(), "the configuration was reloaded");
        self.metrics.reloads.count_loaded(restart);
        Ok(())
    }

    fn addresses(&self) -> Vec<String> {
        self.listeners.iter().map(ToString::to_string).collect()
    }
}

/// The keys that differ and that a running process cannot change.
fn needs_restart(running: &Settings, wanted: &Settings) -> Vec<String> {
    let keys = [
        ("threads", running.threads == wanted.threads),
        ("admin", running.admin == wanted.admin),
        ("callers", running.callers == wanted.callers),
        ("access_log", running.access_log == wanted.access_log),
    ];
    let differs = keys.into_iter().filter(|(_, same)| !same);
    differs.map(|(key, _)| key.to_owned()).collect()
}
