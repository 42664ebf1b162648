//! What is known of callers' tokens, and how it is asked for.

use super::{duration, limits};
use crate::{
    config::{Fault, node::Node},
    identity::Settings,
};

/// Less would hold too few tokens to be of use.
const SMALLEST: u64 = 1 << 20;

/// `callers`.
pub(super) fn read(node: Option<Node>, faults: &mut Vec<Fault>) -> Settings {
    let mut settings = Settings::default();
    let Some(mut table) = node.and_then(|node| node.table(faults)) else {
        return settings;
    };
    settings.budget = duration(&mut table, "budget", faults).unwrap_or(settings.budget);
    for (key, time) in [
        ("timeout", &mut settings.timeout),
        ("unknown", &mut settings.unknown),
    ] {
        *time = duration(&mut table, key, faults).unwrap_or(*time);
        if time.is_zero() {
            faults.push(Fault::new(
                format!("{}.{key}", table.path),
                "must be longer than 0s",
            ));
        }
    }
    if let Some(node) = table.take("cache") {
        let fault = node.fault("expected at least 1MiB, which holds about 20,000 tokens");
        match limits::size(node, faults).map(|bytes| (bytes, usize::try_from(bytes))) {
            Some((SMALLEST.., Ok(bytes))) => settings.cache = bytes,
            Some(_) => faults.push(fault),
            None => {}
        }
    }
    table.finish(faults);
    settings
}
