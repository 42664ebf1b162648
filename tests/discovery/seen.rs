//! What a source has found by now, waited for.

use std::time::Duration;

use thalamus::discovery::{Found, Source};
use tokio::{sync::watch, time::timeout};

/// The receiving side of a source.
pub struct Seen(watch::Receiver<Found>);

impl Seen {
    pub fn follow(source: &Source) -> Self {
        Self(source.watch())
    }

    /// Waits until the set is as `wanted`; a set that never comes fails the test.
    pub async fn wait(&mut self, what: &str, wanted: impl Fn(&Found) -> bool) -> Found {
        let waited = timeout(Duration::from_secs(60), self.0.wait_for(|f| wanted(f))).await;
        let found = waited.map(|found| found.unwrap().clone());
        found.unwrap_or_else(|_| panic!("{what}: {:?}", *self.0.borrow()))
    }

    /// Waits for workers of these names, with nothing wrong.
    pub async fn wait_for(&mut self, expected: &[&str]) -> Found {
        let wanted = |found: &Found| names(found) == expected && found.stale.is_none();
        self.wait(&format!("waiting for {expected:?}"), wanted)
            .await
    }

    /// Waits until the source is lost, and says why.
    pub async fn wait_until_lost(&mut self) -> (Found, String) {
        let found = self
            .wait("waiting for the loss", |found| found.stale.is_some())
            .await;
        let why = found.stale.as_ref().unwrap().why.to_string();
        (found, why)
    }
}

pub fn names(found: &Found) -> Vec<&str> {
    found
        .endpoints
        .iter()
        .map(|endpoint| &*endpoint.name)
        .collect()
}

pub fn addresses(found: &Found) -> Vec<String> {
    let address = |endpoint: &thalamus::discovery::Endpoint| endpoint.address.to_string();
    found.endpoints.iter().map(address).collect()
}
