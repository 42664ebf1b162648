//! One watch of one Service and its slices, from the list to the first fault.

use std::{convert::Infallible, time::Duration};

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use k8s_openapi::api::{core::v1::Service, discovery::v1::EndpointSlice};
use kube::{
    Api, Client,
    runtime::watcher::{self, Event, watcher},
};
use tokio::time::{Instant, timeout_at};

use super::{
    Settings,
    client::{self, Fault},
    slices::{self, Unusable},
    snapshot,
    store::Store,
};
use crate::discovery::{Endpoint, Publisher};

/// What either watch says.
enum News {
    Service(Box<Event<Service>>),
    Slice(Box<Event<EndpointSlice>>),
}

/// What is known by now.
#[derive(Default)]
struct Known {
    services: Store<Service>,
    slices: Store<EndpointSlice>,
}

/// For the lists; a server that accepts and says nothing is away.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

/// How long one watch is asked for, in seconds: a connection that died in silence is noticed soon after.
pub(super) const TERM: u32 = 55;

/// Publishes what the API server says until it says no more; `whole` is when its lists had come.
pub(super) async fn until_a_fault(
    settings: &Settings,
    publisher: &Publisher,
    whole: &mut Option<Instant>,
) -> Fault {
    let fault = async {
        let client = client::connect(&settings.cluster).await?;
        let mut news = news(client, settings).boxed();
        let mut known = Known::default();
        let limit = Instant::now() + LIMIT;
        loop {
            let next = news.try_next();
            let next = match whole {
                Some(_) => next.await,
                None => timeout_at(limit, next)
                    .await
                    .map_err(|_| Fault::Late(LIMIT))?,
            };
            known.take(next?.ok_or(Fault::Ended)?);
            if let Some(result) = known.workers(settings) {
                whole.get_or_insert_with(Instant::now);
                publish(settings, publisher, result);
            }
        }
    };
    let ended: Result<Infallible, Fault> = fault.await;
    match ended {
        Err(fault) => fault,
        Ok(never) => match never {},
    }
}

fn news(
    client: Client,
    settings: &Settings,
) -> impl Stream<Item = watcher::Result<News>> + Send + use<> {
    let namespace = settings.namespace.as_deref();
    let namespace = namespace.unwrap_or(client.default_namespace()).to_owned();
    let service = &settings.service;
    let named = watcher::Config::default()
        .timeout(TERM)
        .fields(&format!("metadata.name={service}"));
    let labelled = format!("kubernetes.io/service-name={service}");
    let labelled = watcher::Config::default().timeout(TERM).labels(&labelled);
    let services = watcher(Api::namespaced(client.clone(), &namespace), named);
    let slices = watcher(Api::namespaced(client, &namespace), labelled);
    stream::select(
        services.map_ok(|event| News::Service(Box::new(event))),
        slices.map_ok(|event| News::Slice(Box::new(event))),
    )
}

impl Known {
    fn take(&mut self, news: News) {
        match news {
            News::Service(event) => self.services.take(*event),
            News::Slice(event) => self.slices.take(*event),
        }
    }

    /// The workers, once both lists are whole.
    fn workers(&self, settings: &Settings) -> Option<Result<Vec<Endpoint>, Unusable>> {
        let (mut services, slices) = (self.services.whole()?, self.slices.whole()?);
        Some(slices::workers(settings, services.next(), slices))
    }
}

fn publish(settings: &Settings, publisher: &Publisher, workers: Result<Vec<Endpoint>, Unusable>) {
    match workers {
        Ok(workers) => {
            if let Some(another) = publisher.saw(workers) {
                snapshot::save(settings, &another);
            }
        }
        Err(unusable) => publisher.lost(unusable.to_string()),
    }
}
