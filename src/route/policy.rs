//! What the admin lays down besides the endpoint table: rules, other services, and who may call what MAS calls.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{Mounts, Rules};

/// The admin's word over the table.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The admin's own rules.
    pub rules: Rules,
    /// Other services under the same name.
    pub mounts: Mounts,
    /// From where `/_synapse/mas` may be called.
    pub mas_allow: Vec<IpNet>,
}

impl Policy {
    /// True when a client may call `/_synapse/mas`.
    pub fn lets_in_mas(&self, client: IpAddr) -> bool {
        self.mas_allow
            .iter()
            .any(|network| network.contains(&client))
    }
}

/// No rules, and MAS on this machine.
impl Default for Policy {
    fn default() -> Self {
        let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        Self {
            rules: Rules::default(),
            mounts: Mounts::default(),
            mas_allow: loopback.map(IpNet::from).into(),
        }
    }
}
