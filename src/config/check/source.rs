//! Where a pool's workers come from: exactly one of `workers` and `dns`.

use super::{dns, workers};
use crate::{
    config::{
        Fault,
        node::{Node, Table},
    },
    discovery::Source,
};

/// The keys, one of which a pool has.
const KEYS: [&str; 2] = ["workers", "dns"];

const NONE: &str =
    "missing; list them: `workers: [\"127.0.0.1:8081\"]`, or name where to look: `dns: ...`";

/// The source of the pool that `table` is.
pub(super) fn read(table: &mut Table, faults: &mut Vec<Fault>) -> Option<Source> {
    let given: Vec<_> = KEYS
        .iter()
        .filter_map(|key| Some((*key, table.take(key)?)))
        .collect();
    let fault = match given.as_slice() {
        [] => Fault::new(format!("{}.workers", table.path), NONE),
        [_] => {
            return given
                .into_iter()
                .find_map(|(key, node)| one(key, node, faults));
        }
        [(first, _), .., (_, second)] => second.fault(format!(
            "a pool has one source, and `{first}` stands here too; keep one"
        )),
    };
    faults.push(fault);
    None
}

fn one(key: &str, node: Node, faults: &mut Vec<Fault>) -> Option<Source> {
    match key {
        "dns" => dns::read(node, faults).map(Source::Dns),
        _ => workers::read(node, faults).map(Source::Static),
    }
}
