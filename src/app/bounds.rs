//! How many clients there is room for: what the configuration says, else what the open files allow.

use std::num::NonZeroUsize;

use crate::config::Settings;

/// Files that are no client's and no worker's: listeners, pipes, the log, admin pages, health checks.
const OURS: u64 = 200;

/// Without a limit of open files, memory ends somewhere as well.
const MOST: u64 = 1 << 20;

/// The connections of clients at a time.
pub(super) fn connections(settings: &Settings) -> usize {
    let files = rlimit::Resource::NOFILE
        .get_soft()
        .unwrap_or(rlimit::INFINITY);
    let connections = settings
        .limits
        .connections
        .map_or_else(|| allowed(files), NonZeroUsize::get);
    tracing::info!("room for {connections} connections of clients; open files: at most {files}");
    connections
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
}
