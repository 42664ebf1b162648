//! What the configuration says of a listener.

use ipnet::IpNet;

use crate::net::Address;

/// One listener.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens; port 0 takes any free one.
    pub address: Address,
    /// Whose `X-Forwarded-For` and `Forwarded` we believe.
    pub trusted_proxies: Vec<IpNet>,
}
