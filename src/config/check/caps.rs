//! How many requests a pool's workers have at a time, and how many wait.

use std::num::NonZeroU32;

use crate::{
    config::{
        Fault,
        node::{Node, Table},
    },
    pool,
};

/// More than any worker bears, so that a number with too many digits is found.
const MOST: u32 = 1_000_000;

/// What the configuration says of a pool's caps.
pub(super) struct Caps {
    cap: Option<NonZeroU32>,
    first_syncs: Option<NonZeroU32>,
    queue: Option<NonZeroU32>,
    spill: Option<f64>,
}

/// `cap`, `first_syncs`, `queue` and `spill`.
pub(super) fn read(table: &mut Table, faults: &mut Vec<Fault>) -> Caps {
    let spill = table.take("spill").and_then(|node| spill(node, faults));
    let mut take = |key| table.take(key).and_then(|node| count(node, faults));
    Caps {
        cap: take("cap"),
        first_syncs: take("first_syncs"),
        queue: take("queue"),
        spill,
    }
}

/// `replicas`: how many of us there are in front of the same workers.
pub(super) fn replicas(node: Option<Node>, faults: &mut Vec<Fault>) -> NonZeroU32 {
    node.and_then(|node| count(node, faults))
        .unwrap_or(NonZeroU32::MIN)
}

impl Caps {
    /// The pool with what was said of it.
    pub(super) fn of(self, pool: pool::Settings) -> pool::Settings {
        pool::Settings {
            cap: self.cap.unwrap_or(pool.cap),
            first_syncs: self.first_syncs.unwrap_or(pool.first_syncs),
            queue: self.queue.map_or(pool.queue, |queue| queue.get() as usize),
            spill: self.spill,
            ..pool
        }
    }
}

fn spill(node: Node, faults: &mut Vec<Fault>) -> Option<f64> {
    let fault =
        node.fault("expected a number above 1, such as 1.5: how many times the mean is too much");
    let times = node.number(faults)?;
    if times > 1.0 && times.is_finite() {
        return Some(times);
    }
    faults.push(fault);
    None
}

fn count(node: Node, faults: &mut Vec<Fault>) -> Option<NonZeroU32> {
    let fault = node.fault(expected());
    let number = within(node.whole(faults)?);
    if number.is_none() {
        faults.push(fault);
    }
    number
}

/// A cap in words, as an annotation has it.
pub(in crate::config) fn cap_of(text: &str) -> Result<NonZeroU32, String> {
    text.parse().ok().and_then(within).ok_or_else(expected)
}

fn within(number: i64) -> Option<NonZeroU32> {
    let number = u32::try_from(number).ok()?;
    NonZeroU32::new(number).filter(|number| number.get() <= MOST)
}

fn expected() -> String {
    format!("expected a number from 1 to {MOST}")
}
