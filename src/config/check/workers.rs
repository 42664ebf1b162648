//! The workers of a pool, as a list in the file.

use std::sync::Arc;

use crate::{
    config::{Fault, node::Node},
    discovery::Endpoint,
    net::Address,
};

/// `workers`: at least one, each name once.
pub(super) fn read(node: Node, faults: &mut Vec<Fault>) -> Option<Arc<[Endpoint]>> {
    let none = node.fault("no worker; add one such as \"127.0.0.1:8081\", or remove the pool");
    let nodes = node.list(faults)?;
    if nodes.is_empty() {
        faults.push(none);
    }
    let mut workers: Vec<Endpoint> = Vec::new();
    for node in nodes {
        let twice = node.fault("");
        let Some(worker) = worker(node, faults) else {
            continue;
        };
        if workers.iter().any(|other| other.name == worker.name) {
            let message = format!(
                "a second worker named `{}` in this pool; give each its own name",
                worker.name
            );
            faults.push(Fault { message, ..twice });
        }
        workers.push(worker);
    }
    Some(workers.into())
}

pub(super) fn worker(node: Node, faults: &mut Vec<Fault>) -> Option<Endpoint> {
    if node.is_text() {
        let address = node.parse(address, faults)?;
        return Some(endpoint(None, address, 1.0));
    }
    if !node.is_table() {
        faults.push(node.expected("\"host:port\", unix:/path or a mapping with an address"));
        return None;
    }
    let mut table = node.table(faults)?;
    let address = table.require(
        "address",
        "such as \"127.0.0.1:8081\" or unix:/run/w1.sock",
        faults,
    );
    let address = address.and_then(|node| node.parse(self::address, faults));
    let name = table.take("name").and_then(|node| node.parse(name, faults));
    let weight = table.take("weight").and_then(|node| weight(node, faults));
    table.finish(faults);
    Some(endpoint(name, address?, weight.unwrap_or(1.0)))
}

fn endpoint(name: Option<Box<str>>, address: Address, weight: f64) -> Endpoint {
    let name = name.unwrap_or_else(|| address.to_string().into());
    Endpoint {
        weight,
        ..Endpoint::new(name, address)
    }
}

fn address(text: &str) -> Result<Address, String> {
    match text.parse() {
        Ok(Address::Ip(address)) if address.port() == 0 => {
            Err("a worker's port cannot be 0".into())
        }
        Ok(Address::Host(_, 0)) => Err("a worker's port cannot be 0".into()),
        Ok(address) => Ok(address),
        Err(error) => Err(error.to_string()),
    }
}

/// Names stand in logs, labels of metrics and headers.
fn name(text: &str) -> Result<Box<str>, &'static str> {
    match !text.is_empty() && text.len() <= 253 && text.bytes().all(|byte| byte.is_ascii_graphic())
    {
        true => Ok(text.into()),
        false => Err("a worker's name has 1 to 253 visible ASCII characters, without spaces"),
    }
}

fn weight(node: Node, faults: &mut Vec<Fault>) -> Option<f64> {
    let fault = node.fault("expected a weight above 0, at most 1000; 1 is usual");
    let weight = node.number(faults)?;
    let sound = weight > 0.0 && weight <= 1000.0;
    if !sound {
        faults.push(fault);
    }
    sound.then_some(weight)
}
