//! From records to workers: plain code.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use crate::{discovery::Endpoint, net::Address};

/// The workers that an answer names, and for how long it holds.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) lives: Duration,
}

/// One SRV record whose target has been looked up.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) addresses: Vec<IpAddr>,
}

/// A worker for each address, called by its address.
pub(super) fn by_address(mut addresses: Vec<IpAddr>, port: u16) -> Vec<Endpoint> {
    addresses.sort_unstable();
    addresses.dedup();
    let endpoint = |ip| {
        let address = Address::Ip(SocketAddr::new(ip, port));
        Endpoint::new(address.to_string(), address)
    };
    addresses.into_iter().map(endpoint).collect()
}

/// A worker for each target of the lowest priority number that has an address, called by the target's name (and its
/// port, where one target has several).
pub(super) fn by_target(mut targets: Vec<Target>) -> Vec<Endpoint> {
    targets.retain(|target| !target.addresses.is_empty());
    let first = targets.iter().map(|target| target.priority).min();
    targets.retain(|target| Some(target.priority) == first);
    targets.sort_by(|one, other| (&one.name, one.port).cmp(&(&other.name, other.port)));
    targets.dedup_by(|one, other| one.name == other.name && one.port == other.port);
    let most = targets.iter().map(|target| target.weight).max();
    let endpoint = |target: &Target| {
        let ip = target.addresses.iter().min()?;
        Some(Endpoint {
            weight: share(target.weight, most.unwrap_or_default()),
            ..Endpoint::new(
                name(target, &targets),
                Address::Ip(SocketAddr::new(*ip, target.port)),
            )
        })
    };
    targets.iter().filter_map(endpoint).collect()
}

fn name(target: &Target, all: &[Target]) -> String {
    let same = all.iter().filter(|other| other.name == target.name).count();
    match same {
        1 => target.name.clone(),
        _ => format!("{}:{}", target.name, target.port),
    }
}

/// Weights count against the greatest, so that servers which write `100 / count` change nothing when the count does.
/// 0 among others is "hardly ever" (RFC 2782).
fn share(weight: u16, most: u16) -> f64 {
    match most {
        0 => 1.0,
        _ => (f64::from(weight) / f64::from(most)).max(0.01),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(priority: u16, weight: u16, name: &str, port: u16, addresses: &[&str]) -> Target {
        Target {
            priority,
            weight,
            name: name.into(),
            port,
            addresses: addresses.iter().map(|ip| ip.parse().unwrap()).collect(),
        }
    }

    fn shown(endpoints: &[Endpoint]) -> Vec<String> {
        let show = |e: &Endpoint| format!("{} {} {}", e.name, e.address, e.weight);
        endpoints.iter().map(show).collect()
    }

    #[test]
    fn each_address_is_a_worker_once() {
        let addresses = ["10.0.0.2", "10.0.0.1", "10.0.0.2"].map(|ip| ip.parse().unwrap());
        assert_eq!(
            shown(&by_address(addresses.into(), 80)),
            ["10.0.0.1:80 10.0.0.1:80 1", "10.0.0.2:80 10.0.0.2:80 1"]
        );
    }

    #[test]
    fn targets_give_their_names() {
        for (what, targets, expected) in [
            (
                "the order of answers is irrelevant, so is the order of a target's addresses",
                vec![
                    target(0, 50, "b", 80, &["10.0.0.3", "10.0.0.2"]),
                    target(0, 50, "a", 80, &["10.0.0.1"]),
                ],
                vec!["a 10.0.0.1:80 1", "b 10.0.0.2:80 1"],
            ),
            (
                "weights are shares",
                vec![
                    target(0, 30, "a", 80, &["10.0.0.1"]),
                    target(0, 60, "b", 80, &["10.0.0.2"]),
                    target(0, 0, "c", 80, &["10.0.0.3"]),
                ],
                vec!["a 10.0.0.1:80 0.5", "b 10.0.0.2:80 1", "c 10.0.0.3:80 0.01"],
            ),
            (
                "no weights at all",
                vec![target(0, 0, "a", 80, &["10.0.0.1"])],
                vec!["a 10.0.0.1:80 1"],
            ),
            (
                "the lowest priority number that has an address",
                vec![
                    target(5, 0, "gone", 80, &[]),
                    target(10, 0, "a", 80, &["10.0.0.1"]),
                    target(20, 0, "b", 80, &["10.0.0.2"]),
                ],
                vec!["a 10.0.0.1:80 1"],
            ),
            (
                "two ports of one target",
                vec![
                    target(0, 0, "a", 81, &["10.0.0.1"]),
                    target(0, 0, "a", 80, &["10.0.0.1"]),
                ],
                vec!["a:80 10.0.0.1:80 1", "a:81 10.0.0.1:81 1"],
            ),
        ] {
            assert_eq!(shown(&by_target(targets)), expected, "{what}");
        }
    }
}
