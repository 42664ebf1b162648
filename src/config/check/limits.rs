//! Deadlines and sizes.

use std::num::NonZeroUsize;

use super::duration;
use crate::{
    config::{
        Fault,
        node::{Node, Table},
        units,
    },
    route::Limits,
};

/// `limits` and `timeouts`.
pub(super) fn read(top: &mut Table, faults: &mut Vec<Fault>) -> Limits {
    let mut limits = Limits::default();
    let sizes = top.take("limits");
    if let Some(table) = sizes.and_then(|node| node.table(faults)) {
        read_sizes(table, &mut limits, faults);
    }
    let timeouts = top.take("timeouts");
    if let Some(table) = timeouts.and_then(|node| node.table(faults)) {
        read_timeouts(table, &mut limits, faults);
    }
    limits
}

fn read_sizes(mut table: Table, limits: &mut Limits, faults: &mut Vec<Fault>) {
    for (key, limit) in [
        ("body", &mut limits.body),
        ("media_upload", &mut limits.media_upload),
    ] {
        let size = table.take(key).and_then(|node| size(node, faults));
        *limit = size.unwrap_or(*limit);
    }
    for (key, limit) in [
        ("connections", &mut limits.connections),
        ("connections_per_client", &mut limits.connections_per_client),
        ("heads", &mut limits.heads),
    ] {
        *limit = table.take(key).and_then(|node| count(node, faults));
    }
    table.finish(faults);
}

/// How many of something there may be at a time.
pub(super) fn count(node: Node, faults: &mut Vec<Fault>) -> Option<NonZeroUsize> {
    let fault =
        node.fault("expected a number, at least 1; leave it out for what the open files allow");
    let number = node.whole(faults)?;
    let number = usize::try_from(number).ok().and_then(NonZeroUsize::new);
    if number.is_none() {
        faults.push(fault);
    }
    number
}

/// A size; a bare number counts bytes, as Synapse reads it.
pub(super) fn size(node: Node, faults: &mut Vec<Fault>) -> Option<u64> {
    match node.is_text() {
        true => node.parse(units::size, faults),
        false => {
            let fault = node.fault("expected at least 1 byte");
            let bytes = node.whole(faults)?;
            let bytes = u64::try_from(bytes).ok().filter(|bytes| *bytes > 0);
            if bytes.is_none() {
                faults.push(fault);
            }
            bytes
        }
    }
}

fn read_timeouts(mut table: Table, limits: &mut Limits, faults: &mut Vec<Fault>) {
    for (key, limit) in [
        ("connect", &mut limits.connect),
        ("head", &mut limits.head),
        ("client_idle", &mut limits.client_idle),
        ("sync_extra", &mut limits.sync_extra),
        ("initial_sync", &mut limits.initial_sync),
        ("federation_send", &mut limits.federation_send),
        ("media_idle", &mut limits.media_idle),
        ("other", &mut limits.other),
        ("wait_sync", &mut limits.wait_sync),
        ("wait_initial", &mut limits.wait_initial),
        ("wait_other", &mut limits.wait_other),
        ("drain", &mut limits.drain),
    ] {
        *limit = duration(&mut table, key, faults).unwrap_or(*limit);
        if limit.is_zero() {
            faults.push(Fault::new(
                format!("{}.{key}", table.path),
                "must be longer than 0s",
            ));
        }
    }
    table.finish(faults);
}
