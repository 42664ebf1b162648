//! When a worker is ejected and let in again.

use super::duration;
use crate::{
    config::{
        Fault,
        node::{Node, Table},
    },
    pool::Health,
};

/// `health`.
pub(super) fn read(node: Option<Node>, faults: &mut Vec<Fault>) -> Health {
    let mut health = Health::default();
    let Some(mut table) = node.and_then(|node| node.table(faults)) else {
        return health;
    };
    for (key, time) in [
        ("interval", &mut health.interval),
        ("timeout", &mut health.timeout),
        ("backoff", &mut health.shortest),
        ("backoff_limit", &mut health.longest),
        ("slow_start", &mut health.slow_start),
    ] {
        *time = duration(&mut table, key, faults).unwrap_or(*time);
        if time.is_zero() {
            faults.push(Fault::new(
                format!("{}.{key}", table.path),
                "must be longer than 0s",
            ));
        }
    }
    for (key, count) in [
        ("checks", &mut health.checks),
        ("requests", &mut health.requests),
    ] {
        *count = threshold(&mut table, key, faults).unwrap_or(*count);
    }
    table.finish(faults);
    health
}

fn threshold(table: &mut Table, key: &'static str, faults: &mut Vec<Fault>) -> Option<u32> {
    let node = table.take(key)?;
    let fault = node.fault("expected a number from 1 to 1000");
    let number = node.whole(faults)?;
    let number = u32::try_from(number)
        .ok()
        .filter(|number| (1..=1000).contains(number));
    if number.is_none() {
        faults.push(fault);
    }
    number
}
