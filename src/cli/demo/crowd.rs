//! Everybody who is simulated: users with their devices, and other homeservers.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::task::JoinSet;

use super::{ledger::Ledger, servers, users::Device};

/// Users, when there are sockets enough.
pub const USERS: usize = 300;

/// Devices of each user.
pub const DEVICES: usize = 3;

/// Other homeservers.
pub const SERVERS: usize = 6;

/// Sockets of one device: its own, the proxy's two, the worker's.
const SOCKETS: usize = 4;

/// Sockets for all else: listeners, other homeservers, requests that are short.
const RESERVE: usize = 256;

/// How many users there are, after the limit on open files was raised as far as we may.
pub fn users() -> usize {
    // A system without such a limit has room for all.
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(u64::MAX);
    users_within(usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Brings everybody online; they live until the set is dropped.
pub fn start(users: usize, ramp: Duration, proxy: SocketAddr, ledger: &Arc<Ledger>) -> JoinSet<()> {
    let mut crowd = JoinSet::new();
    for user in 0..users {
        for device in 0..DEVICES {
            crowd.spawn(Device::new(user, device, proxy, ledger.clone()).live(ramp));
        }
    }
    for server in 0..SERVERS {
        crowd.spawn(servers::live(server, proxy, ledger.clone()));
    }
    crowd
}

fn users_within(sockets: usize) -> usize {
    (sockets.saturating_sub(RESERVE) / (DEVICES * SOCKETS)).clamp(1, USERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_users_where_few_files_may_be_open() {
        assert_eq!(
            [0, 1024, 4096, usize::MAX].map(users_within),
            [1, 64, 300, 300]
        );
    }
}
