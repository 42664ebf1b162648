//! What one data-plane thread works with.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::{Heads, Ids, Turns};
use crate::{
    identity::Whoami,
    lifecycle::Deadlines,
    pool::Connections,
    route::State,
    telemetry::{Logger, Metrics},
};

/// The parts that all connections of one thread share.
pub struct Core {
    /// The snapshot of this moment.
    pub state: Arc<ArcSwap<State>>,
    /// Idle connections to workers.
    pub connections: Connections,
    /// Time limits of clients' connections.
    pub deadlines: Deadlines,
    /// Large bodies that move at the moment.
    pub turns: Turns,
    /// Heads that come in pieces, of all threads.
    pub heads: Arc<Heads>,
    /// Ids for requests that bring none.
    pub ids: Ids,
    /// The access log.
    pub logger: Logger,
    /// Asks whose tokens are.
    pub whoami: Arc<Whoami>,
    /// Counts of all threads.
    pub metrics: Arc<Metrics>,
}

impl Core {
    /// The snapshot of this moment.
    pub fn state(&self) -> Guard<Arc<State>> {
        self.state.load()
    }

    /// Sweeps deadlines, idle connections and log lines, for ever.
    pub async fn sweep(&self) {
        self.deadlines
            .sweep(|now| {
                self.connections.sweep(now);
                self.logger.flush();
            })
            .await;
    }
}
