//! Several Services whose workers are one set.

use std::sync::Arc;

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::sync::watch;

use super::{Settings, known};
use crate::discovery::{Endpoint, Found, Publisher, Source, Stale};

/// What was kept of all of them.
pub fn known_of_all(all: &[Settings]) -> Found {
    let (endpoints, stale) = merged(all.iter().map(known));
    Found {
        endpoints: endpoints.into(),
        stale,
    }
}

/// Watches each for as long as somebody wants to know; says nothing before each has answered.
pub async fn follow_all(all: Arc<[Settings]>, publisher: Publisher) {
    let watch = |one: &Settings| Source::Kubernetes(one.clone()).watch();
    let mut services: Vec<watch::Receiver<Found>> = all.iter().map(watch).collect();
    for service in &mut services {
        tokio::select! {
            () = publisher.closed() => return,
            _ = service.changed() => {}
        }
    }
    loop {
        let latest = |service: &mut watch::Receiver<_>| Found::clone(&service.borrow_and_update());
        let (endpoints, stale) = merged(services.iter_mut().map(latest));
        publisher.knows(endpoints, stale);
        let mut next: FuturesUnordered<_> = services.iter_mut().map(|one| one.changed()).collect();
        tokio::select! {
            () = publisher.closed() => return,
            _ = next.next() => {}
        }
    }
}

/// One set; old as soon as one of them is.
fn merged(all: impl Iterator<Item = Found>) -> (Vec<Endpoint>, Option<Arc<Stale>>) {
    let (mut endpoints, mut stale) = (Vec::new(), None);
    for found in all {
        endpoints.extend_from_slice(&found.endpoints);
        stale = stale.or(found.stale);
    }
    (endpoints, stale)
}
