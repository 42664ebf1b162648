//! The sending side of a source: what it saw, or that it is lost.

use std::sync::Arc;

use tokio::{sync::watch, time::Instant};

use super::{Endpoint, Found, Stale};

/// Publishes what one source finds.
#[derive(Debug)]
pub struct Publisher(watch::Sender<Found>);

impl Publisher {
    /// A publisher that starts with what is `known`, and its receiver.
    pub fn new(known: Found) -> (Self, watch::Receiver<Found>) {
        let (sender, found) = watch::channel(known);
        (Self(sender), found)
    }

    /// The source has these workers now; the set, when it is another one. Their order says nothing, a name counts once,
    /// and the same set again wakes nobody.
    pub fn saw(&self, mut endpoints: Vec<Endpoint>) -> Option<Arc<[Endpoint]>> {
        endpoints
            .sort_by(|one, other| (&one.name, one.draining).cmp(&(&other.name, other.draining)));
        endpoints.dedup_by(|one, before| one.name == before.name);
        let mut another = None;
        self.0.send_if_modified(|found| {
            if *found.endpoints != *endpoints {
                found.endpoints = endpoints.into();
                another = Some(found.endpoints.clone());
            }
            found.stale.take().is_some() || another.is_some()
        });
        another
    }

    /// The source cannot be asked; what it last said stays.
    pub fn lost(&self, why: impl Into<Box<str>>) {
        let why = why.into();
        self.0.send_if_modified(|found| {
            let before = found.stale.as_deref();
            let is_new = before.is_none_or(|stale| stale.why != why);
            if is_new {
                let since = before.map_or_else(Instant::now, |stale| stale.since);
                found.stale = Some(Stale { since, why }.into());
            }
            is_new
        });
    }

    /// Waits until nobody wants to know any more.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(names: &[&str]) -> Vec<Endpoint> {
        let endpoint = |name: &&str| Endpoint::new(*name, format!("{name}:80").parse().unwrap());
        names.iter().map(endpoint).collect()
    }

    #[test]
    fn the_same_set_in_another_order_wakes_nobody() {
        let (publisher, mut found) = Publisher::new(Found::default());
        publisher.saw(endpoints(&["a", "b"]));
        assert!(found.has_changed().unwrap());
        found.mark_unchanged();
        publisher.saw(endpoints(&["b", "a"]));
        assert!(!found.has_changed().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_source_keeps_its_set_and_the_time_of_the_loss() {
        let (publisher, found) = Publisher::new(Found::default());
        publisher.saw(endpoints(&["a"]));
        let lost = Instant::now();
        publisher.lost("timed out");
        tokio::time::advance(std::time::Duration::from_secs(60)).await;
        publisher.lost("refused");
        let now = found.borrow().clone();
        assert_eq!(now.endpoints.len(), 1);
        let stale = now.stale.unwrap();
        assert_eq!((stale.since, &*stale.why), (lost, "refused"));
        publisher.saw(endpoints(&["a"]));
        assert_eq!(found.borrow().stale, None);
    }
}
