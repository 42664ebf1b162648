//! Pools, what they serve, and their workers.

use std::{num::NonZeroU32, sync::Arc};

use super::{caps, kubernetes, serves, source, tls};
use crate::{
    config::{
        Fault,
        node::{Node, Table},
    },
    discovery::kubernetes::{Cluster, Labels},
    pool,
};

const NO_MAIN: &str =
    "missing; the main process is always there: write `main: {workers: [\"127.0.0.1:8008\"]}`";

/// All that `pools` and `kubernetes` say.
#[derive(Debug)]
pub(super) struct Pools {
    /// The pools that the file names, `main` first.
    pub named: Vec<pool::Settings>,
    /// The way to the API server.
    pub cluster: Arc<Cluster>,
    /// Where others come from.
    pub labels: Option<Labels>,
    /// How many of us share the caps.
    replicas: NonZeroU32,
}

impl Pools {
    /// True when that pool is there, or may come by a label.
    pub(super) fn may_have(&self, name: &str) -> bool {
        self.labels.is_some() || self.named.iter().any(|pool| &*pool.name == name)
    }

    /// All that the file names, each with our part of its caps.
    pub(super) fn shared_out(self) -> Vec<pool::Settings> {
        let pools = self.named.into_iter();
        pools.map(|pool| pool.shared_by(self.replicas)).collect()
    }
}

/// All pools.
pub(super) fn read(top: &mut Table, faults: &mut Vec<Fault>) -> Pools {
    let (cluster, labels) = kubernetes::cluster(top.take("kubernetes"), faults);
    let replicas = caps::replicas(top.take("replicas"), faults);
    let named = named(top.take("pools"), &cluster, labels.is_some(), faults);
    Pools {
        named,
        cluster,
        replicas,
        labels: labels.map(|labels| Labels { replicas, ..labels }),
    }
}

/// `pools`; `main` may be left to a label.
fn named(
    node: Option<Node>,
    cluster: &Arc<Cluster>,
    has_labels: bool,
    faults: &mut Vec<Fault>,
) -> Vec<pool::Settings> {
    let entries = match node {
        Some(node) => match node.table(faults) {
            Some(table) => table.into_entries(),
            None => return Vec::new(),
        },
        None => Vec::new(),
    };
    if !has_labels && !entries.iter().any(|(name, _)| name == "main") {
        faults.push(Fault::new("pools.main", NO_MAIN));
    }
    let pools = entries
        .into_iter()
        .filter_map(|(name, node)| pool(&name, node, cluster, faults));
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
    let caps = caps::read(&mut table, faults);
    let tls = tls::read(&mut table, source.as_ref(), faults);
    table.finish(faults);
    let pool = pool::Settings {
        tls,
        ..pool::Settings::new(name, serves, source?)
    };
    let pool = if generic { pool.generic() } else { pool };
    Some(caps.of(pool))
}

/// Names stand in logs, labels of metrics and headers.
pub(in crate::config) fn check_name(name: &str) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match !name.is_empty() && name.len() <= 63 && name.bytes().all(plain) {
        true => Ok(()),
        false => Err("a pool's name has 1 to 63 letters, digits, `-`, `_` or `.`"),
    }
}
