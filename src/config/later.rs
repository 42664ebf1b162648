//! Keys that are known and not supported yet: refused, so that nothing is silently ignored. The list shrinks.

use super::{Fault, node::Table};

/// At the top of the file.
pub(super) const TOP: &[&str] = &["synapse_version"];

/// Of a pool.
pub(super) const POOL: &[&str] = &["kubernetes"];

/// Refuses those of `keys` that stand in `table`; true when there was one.
pub(super) fn refuse(
    table: &mut Table,
    keys: &'static [&'static str],
    faults: &mut Vec<Fault>,
) -> bool {
    let before = faults.len();
    for key in keys {
        let fault = table
            .take(key)
            .map(|node| node.fault("not supported yet; remove it"));
        faults.extend(fault);
    }
    faults.len() > before
}
