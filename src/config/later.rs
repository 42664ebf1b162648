//! Keys that are known and not supported yet: refused, so that nothing is silently ignored. The list shrinks.

use super::{Fault, node::Table};

/// At the top of the file.
pub(super) const TOP: &[&str] = &["synapse_version"];

/// Refuses those of `keys` that stand in `table`.
pub(super) fn refuse(table: &mut Table, keys: &'static [&'static str], faults: &mut Vec<Fault>) {
    for key in keys {
        let fault = table
            .take(key)
            .map(|node| node.fault("not supported yet; remove it"));
        faults.extend(fault);
    }
}
