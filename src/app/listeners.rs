//! The open listeners, which a reload keeps, opens and closes.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::{
    front::{self, Listener, Threads},
    lifecycle::Stopper,
    net::Address,
    proxy::Door,
    telemetry::Metrics,
};

/// The listeners of the running configuration.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    open: Vec<Open>,
    tasks: JoinSet<()>,
}

/// A listener that accepts until this is dropped.
#[derive(Debug)]
struct Open {
    bound: Bound,
    _closer: Stopper,
}

/// A listener, and the address that the configuration gives it.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    configured: Address,
    listener: Listener,
}

impl Listeners {
    /// The listeners of `settings`: those that are open keep their socket, others are bound.
    ///
    /// # Errors
    /// When an address cannot be bound, with the address and what the system says, or a certificate is of no use.
    pub(super) fn bind(
        &self,
        settings: &[front::Settings],
        metrics: &Metrics,
    ) -> anyhow::Result<Vec<Bound>> {
        let bind = |settings: &front::Settings| {
            let listener = match self.at(&settings.address) {
                Some(open) => open.bound.listener.again(settings, metrics)?,
                None => Listener::bind(settings, metrics)?,
            };
            Ok(Bound {
                configured: settings.address.clone(),
                listener,
            })
        };
        settings.iter().map(bind).collect()
    }

    /// Accepts on these from now on and on no others; connections that came in by one that is gone end as soon as
    /// they are idle.
    pub(super) fn open(&mut self, bound: Vec<Bound>, threads: &Arc<Threads>, metrics: &Metrics) {
        let before = std::mem::take(&mut self.open);
        for bound in bound {
            let (closer, stop) = Stopper::new();
            let listener = bound.listener.clone();
            if let Some(certificates) = listener.certificates() {
                let expiry = metrics.certificate_expiry.clone();
                self.tasks.spawn(certificates.follow(expiry, stop.clone()));
            }
            self.tasks
                .spawn(front::accept(listener, threads.clone(), stop));
            self.open.push(Open {
                bound,
                _closer: closer,
            });
        }
        let gone = before
            .iter()
            .filter(|open| self.at(&open.bound.configured).is_none());
        for open in gone {
            threads.close(open.bound.listener.number());
            tracing::info!("no longer serving on {}", open.bound.listener.address());
        }
        while self.tasks.try_join_next().is_some() {}
    }

    /// Lets in those who have come by now, then nobody.
    pub(super) async fn close(&mut self) {
        self.open.clear();
        while self.tasks.join_next().await.is_some() {}
    }

    /// What they let in.
    pub(super) fn doors(&self) -> Vec<Arc<Door>> {
        self.open
            .iter()
            .map(|open| open.bound.listener.door())
            .collect()
    }

    /// Where they really listen.
    pub(super) fn addresses(&self) -> Vec<Address> {
        let addresses = self.open.iter();
        addresses
            .map(|open| open.bound.listener.address().clone())
            .collect()
    }

    fn at(&self, configured: &Address) -> Option<&Open> {
        let mut open = self.open.iter();
        open.find(|open| open.bound.configured == *configured)
    }
}
