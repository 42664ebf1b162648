//! How much there is room for: what the configuration says, else what the open files allow.

use std::num::NonZeroUsize;

use crate::{config::Settings, front, route::Limits};

/// Files that are no client's and no worker's: listeners, pipes, the log, admin pages, health checks.
const OURS: u64 = 200;

/// Without a limit of open files, memory ends somewhere as well.
const MOST: u64 = 1 << 20;

/// The bounds of this process.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) connections: front::Bounds,
    /// Heads that come in pieces.
    pub(super) heads: usize,
}

impl Bounds {
    /// For these settings; tells them to the log.
    pub(super) fn new(settings: &Settings) -> Self {
        let files = rlimit::Resource::NOFILE
            .get_soft()
            .unwrap_or(rlimit::INFINITY);
        let bounds = Self::within(files, &settings.limits);
        let front::Bounds { all, client } = bounds.connections;
        let heads = bounds.heads;
        tracing::info!(
            "room for {all} connections of clients, {client} of one of them, and {heads} heads in pieces; \
             open files: at most {files}"
        );
        bounds
    }

    fn within(files: u64, limits: &Limits) -> Self {
        let all = limits
            .connections
            .map_or_else(|| allowed(files), NonZeroUsize::get);
        let or = |given: Option<NonZeroUsize>, part: usize| {
            given.map_or_else(|| (all / part).max(1), NonZeroUsize::get)
        };
        Self {
            connections: front::Bounds {
                all,
                client: or(limits.connections_per_client, 2),
            },
            heads: or(limits.heads, 4),
        }
    }
}

/// Each client may need a connection to a worker as well.
fn allowed(files: u64) -> usize {
    let clients = (files.min(2 * MOST) / 2).saturating_sub(OURS / 2);
    usize::try_from(clients).unwrap_or(usize::MAX).max(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_files_are_for_clients() {
        assert_eq!(allowed(1024), 412);
        assert_eq!(allowed(1_048_576), 524_188);
        assert_eq!(allowed(u64::MAX), 1_048_476);
        assert_eq!(allowed(10), 16);
    }

    #[test]
    fn what_is_given_holds_and_the_rest_follows_from_the_connections() {
        let bounds = |limits: &Limits| {
            let bounds = Bounds::within(1024, limits);
            (
                bounds.connections.all,
                bounds.connections.client,
                bounds.heads,
            )
        };
        assert_eq!(bounds(&Limits::default()), (412, 206, 103));
        let mut limits = Limits {
            connections: NonZeroUsize::new(3),
            ..Limits::default()
        };
        assert_eq!(bounds(&limits), (3, 1, 1));
        limits.connections_per_client = NonZeroUsize::new(2);
        limits.heads = NonZeroUsize::new(5);
        assert_eq!(bounds(&limits), (3, 2, 5));
    }
}
