//! Where a pool's workers come from: exactly one of `workers`, `dns` and `kubernetes`.

use std::sync::Arc;

use super::{dns, kubernetes, workers};
use crate::{
    config::{
        Fault,
        node::{Node, Table},
    },
    discovery::{Source, kubernetes::Cluster},
};

/// The keys, one of which a pool has.
const KEYS: [&str; 3] = ["workers", "dns", "kubernetes"];

const NONE: &str = "missing; list them: `workers: [\"127.0.0.1:8081\"]`, or name where to look: `dns: ...`, `kubernetes: ...`";

/// The source of the pool that `table` is.
pub(super) fn read(
    table: &mut Table,
    cluster: &Arc<Cluster>,
    faults: &mut Vec<Fault>,
) -> Option<Source> {
    let given: Vec<_> = KEYS
        .iter()
        .filter_map(|key| Some((*key, table.take(key)?)))
        .collect();
    let fault = match given.as_slice() {
        [] => Fault::new(format!("{}.workers", table.path), NONE),
        [_] => {
            return given
                .into_iter()
                .find_map(|(key, node)| one(key, node, cluster, faults));
        }
        [(first, _), .., (_, second)] => second.fault(format!(
            "a pool has one source, and `{first}` stands here too; keep one"
        )),
    };
    faults.push(fault);
    None
}

fn one(key: &str, node: Node, cluster: &Arc<Cluster>, faults: &mut Vec<Fault>) -> Option<Source> {
    match key {
        "dns" => dns::read(node, faults).map(Source::Dns),
        "kubernetes" => kubernetes::read(node, cluster, faults).map(Source::Kubernetes),
        _ => workers::read(node, faults).map(Source::Static),
    }
}
