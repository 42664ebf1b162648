//! Pools, what they serve, and their workers.

use std::sync::Arc;

use super::{kubernetes, serves, source};
use crate::{
    config::{
        Fault,
        node::{Node, Table},
    },
    discovery::kubernetes::Cluster,
    pool,
};

const NO_MAIN: &str =
    "missing; the main process is always there: write `main: {workers: [\"127.0.0.1:8008\"]}`";

/// All `pools`, `main` first.
pub(super) fn read(top: &mut Table, faults: &mut Vec<Fault>) -> Vec<pool::Settings> {
    let cluster = kubernetes::cluster(top.take("kubernetes"), faults);
    let Some(node) = top.take("pools") else {
        faults.push(Fault::new("pools.main", NO_MAIN));
        return Vec::new();
    };
    let Some(table) = node.table(faults) else {
        return Vec::new();
    };
    let entries = table.into_entries();
    if !entries.iter().any(|(name, _)| name == "main") {
        faults.push(Fault::new("pools.main", NO_MAIN));
    }
    let pools = entries
        .into_iter()
        .filter_map(|(name, node)| pool(&name, node, &cluster, faults));
    let mut pools: Vec<_> = pools.collect();
    pools.sort_by_key(|pool| &*pool.name != "main");
    serves::refuse_second_writers(&pools, faults);
    pools
}

fn pool(
    name: &str,
    node: Node,
    cluster: &Arc<Cluster>,
    faults: &mut Vec<Fault>,
) -> Option<pool::Settings> {
    if let Err(message) = check_name(name) {
        faults.push(node.fault(message));
    }
    let mut table = node.table(faults)?;
    let (serves, generic) = serves::read(&mut table, name == "main", faults);
    let source = source::read(&mut table, cluster, faults);
    table.finish(faults);
    Some(pool::Settings {
        name: name.into(),
        serves,
        generic,
        source: source?,
    })
}

/// Names stand in logs, labels of metrics and headers.
fn check_name(name: &str) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match !name.is_empty() && name.len() <= 63 && name.bytes().all(plain) {
        true => Ok(()),
        false => Err("a pool's name has 1 to 63 letters, digits, `-`, `_` or `.`"),
    }
}
