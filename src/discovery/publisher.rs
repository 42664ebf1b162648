//! The sending side of a source: what it saw, or that it is lost.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{sync::watch, time::Instant};

use super::{Endpoint, Found, Stale};

/// Publishes what one source finds.
#[derive(Debug)]
pub struct Publisher {
    sender: watch::Sender<Found>,
    has_seen: AtomicBool,
}

impl Publisher {
    /// A publisher that starts with what is `known`, and its receiver.
    pub fn new(known: Found) -> (Self, watch::Receiver<Found>) {
        let (sender, found) = watch::channel(known);
        let has_seen = AtomicBool::new(false);
        (Self { sender, has_seen }, found)
    }

    /// The source has these workers now; the set, when it is another one. Their order says nothing, a name counts once,
    /// and the same set again wakes nobody; the first one always does, so that an empty one is an answer too.
    pub fn saw(&self, mut endpoints: Vec<Endpoint>) -> Option<Arc<[Endpoint]>> {
        once_each(&mut endpoints);
        let is_first = !self.has_seen.swap(true, Ordering::Relaxed);
        let mut another = None;
        self.sender.send_if_modified(|found| {
            if *found.endpoints != *endpoints {
                found.endpoints = endpoints.into();
                another = Some(found.endpoints.clone());
            }
            found.stale.take().is_some() || another.is_some() || is_first
        });
        another
    }

    /// What several sources know together, with what is old in it.
    pub fn knows(&self, mut endpoints: Vec<Endpoint>, stale: Option<Arc<Stale>>) {
        once_each(&mut endpoints);
        self.sender.send_if_modified(|found| {
            let differs = *found.endpoints != *endpoints || found.stale != stale;
            if differs {
                *found = Found {
                    endpoints: endpoints.into(),
                    stale,
                };
            }
            differs
        });
    }

    /// The source cannot be asked; what it last said stays.
    pub fn lost(&self, why: impl Into<Box<str>>) {
        let why = why.into();
        self.sender.send_if_modified(|found| {
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
        self.sender.closed().await;
    }
}

/// A name counts once, and one that stays before one that drains.
fn once_each(endpoints: &mut Vec<Endpoint>) {
    endpoints.sort_by(|one, other| (&one.name, one.draining).cmp(&(&other.name, other.draining)));
    endpoints.dedup_by(|one, before| one.name == before.name);
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
