//! A place in a queue, from the side of who waits.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use super::queue::{Goal, Queue, Wish};
use crate::pool::{Full, Lease, View, Want, Worker};

/// What somebody who waits is told.
#[derive(Debug)]
pub enum Told {
    /// It has a slot.
    Lease(Lease),
    /// Something has changed: it may look again.
    Again,
    /// Too many wait, and its caller has the most among them.
    Refused,
}

/// Somebody who waits; dropping it leaves all queues.
#[derive(Debug)]
pub struct Waiting(Vec<Ticket>);

#[derive(Debug)]
struct Ticket {
    queue: Arc<Queue>,
    number: usize,
}

impl Waiting {
    /// Waits until some worker of `pools` may take the request, in the queue of the first; none when that is full.
    pub fn for_worker<'a>(
        mut pools: impl Iterator<Item = &'a Arc<View>>,
        want: Want,
        caller: u64,
    ) -> Option<Self> {
        let ticket = |pool: &Arc<View>, goal| {
            let wish = Wish {
                goal,
                first_sync: want.first_sync,
                caller,
            };
            Ticket::new(&pool.queue, wish, pool.settings.queue)
        };
        let mut tickets = vec![ticket(pools.next()?, Goal::Worker)?];
        tickets.extend(pools.filter_map(|pool| ticket(pool, Goal::Elsewhere)));
        Some(Self(tickets))
    }

    /// What it is told, as soon as it is.
    pub fn poll(&mut self, cx: &Context<'_>) -> Poll<Told> {
        let told = self
            .0
            .iter()
            .map(|ticket| ticket.queue.poll(ticket.number, cx));
        // Each must know whom to wake.
        told.fold(
            Poll::Pending,
            |first, told| if first.is_ready() { first } else { told },
        )
    }
}

impl Full {
    /// Waits for a slot; none when the queue is full.
    pub fn line_up(&self, want: Want, caller: u64) -> Option<Waiting> {
        let goal = match &self.worker {
            Some(worker) => Goal::Slot(worker.id),
            None => Goal::AnySlot,
        };
        let wish = Wish {
            goal,
            first_sync: want.first_sync,
            caller,
        };
        let workers: &[Arc<Worker>] = match &self.worker {
            Some(worker) => std::slice::from_ref(worker),
            None => &self.pool.workers,
        };
        let (queue, most) = (&self.pool.queue, self.pool.settings.queue);
        let number = queue.join(wish, workers, most)?;
        Some(Waiting(vec![Ticket {
            queue: queue.clone(),
            number,
        }]))
    }
}

impl Ticket {
    fn new(queue: &Arc<Queue>, wish: Wish, most: usize) -> Option<Self> {
        let number = queue.join(wish, &[], most)?;
        Some(Self {
            queue: queue.clone(),
            number,
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.queue.leave(self.number);
    }
}
