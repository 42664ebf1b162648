//! How often clients may ask.

use std::{sync::Arc, time::Duration};

use crate::{
    config::{
        Fault,
        node::{Node, Table},
    },
    proxy::{GroupRates, Rate, Rates},
};

use super::serves::group;

/// `rate_limits`; none when it is left out.
pub(super) fn read(table: &mut Table, faults: &mut Vec<Fault>) -> Option<Arc<Rates>> {
    let entries = table.take("rate_limits")?.table(faults)?.into_entries();
    let mut named = Vec::new();
    for (name, node) in entries {
        match group(&name) {
            Ok(group) => named.push((group, rates(node, faults))),
            Err(error) => faults.push(node.fault(error)),
        }
    }
    Some(Arc::new(Rates::new(named)))
}

fn rates(node: Node, faults: &mut Vec<Fault>) -> GroupRates {
    let Some(mut table) = node.table(faults) else {
        return GroupRates::default();
    };
    let mut take = |key| table.take(key)?.parse(rate, faults);
    let rates = GroupRates {
        client: take("client"),
        session: take("session"),
    };
    table.finish(faults);
    rates
}

/// `10/s`, `20/m` or `100/h`.
fn rate(text: &str) -> Result<Rate, &'static str> {
    let wrong = "expected a rate such as 10/s, 20/m or 100/h";
    let (count, period) = text.split_once('/').ok_or(wrong)?;
    let seconds = match period.trim() {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong),
    };
    match count.trim().parse() {
        Ok(count @ 1..=1_000_000) => Ok(Rate::new(count, Duration::from_secs(seconds))),
        _ => Err(wrong),
    }
}
