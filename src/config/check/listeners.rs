//! Where clients come in.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::{
    admin,
    config::{
        Fault, later,
        node::{Node, Table},
    },
    front,
    net::Address,
};

/// All `listeners`.
pub(super) fn read(top: &mut Table, faults: &mut Vec<Fault>) -> Vec<front::Settings> {
    let node = top.require(
        "listeners",
        "write `listeners: [{address: \"0.0.0.0:8080\"}]`",
        faults,
    );
    let Some(node) = node else { return Vec::new() };
    let none = node.fault("no listener; add one: `- address: 0.0.0.0:8080`");
    let Some(nodes) = node.list(faults) else {
        return Vec::new();
    };
    if nodes.is_empty() {
        faults.push(none);
    }
    nodes
        .into_iter()
        .filter_map(|node| listener(node, faults))
        .collect()
}

/// Two sockets cannot listen on one address.
pub(super) fn refuse_doubles(
    listeners: &[front::Settings],
    admin: Option<&admin::Settings>,
    faults: &mut Vec<Fault>,
) {
    for (index, listener) in listeners.iter().enumerate() {
        let before = &listeners[..index];
        if before
            .iter()
            .any(|other| clash(&other.address, &listener.address))
        {
            let message = format!(
                "{} is taken by a listener above; choose another",
                listener.address
            );
            faults.push(Fault::new(format!("listeners[{index}].address"), message));
        }
    }
    let taken = admin.filter(|admin| {
        listeners
            .iter()
            .any(|other| clash(&other.address, &admin.address))
    });
    if let Some(admin) = taken {
        let message = format!(
            "{} is taken by a listener; choose another port",
            admin.address
        );
        faults.push(Fault::new("admin.address", message));
    }
}

fn clash(one: &Address, other: &Address) -> bool {
    one == other && !matches!(one, Address::Ip(address) if address.port() == 0)
}

fn listener(node: Node, faults: &mut Vec<Fault>) -> Option<front::Settings> {
    let mut table = node.table(faults)?;
    let address = table.require(
        "address",
        "such as 0.0.0.0:8080 or unix:/run/thalamus.sock",
        faults,
    );
    let address = address.and_then(|node| node.parse(str::parse::<Address>, faults));
    let trusted_proxies = table
        .take("trusted_proxies")
        .and_then(|node| node.list(faults));
    let trusted_proxies = trusted_proxies.unwrap_or_default().into_iter();
    let trusted_proxies = trusted_proxies
        .filter_map(|node| node.parse(network, faults))
        .collect();
    later::refuse(&mut table, later::LISTENER, faults);
    table.finish(faults);
    Some(front::Settings {
        address: address?,
        trusted_proxies,
    })
}

/// A network, or a single address.
fn network(text: &str) -> Result<IpNet, &'static str> {
    text.parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "expected a network such as 10.0.0.0/8 or fd00::/8, or one address")
}
