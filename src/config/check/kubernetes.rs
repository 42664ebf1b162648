//! Workers that Kubernetes names, and the way to its API server.

use std::{num::NonZeroU32, path::Path, sync::Arc};

use crate::{
    config::{
        Fault,
        node::{Node, Table},
    },
    discovery::kubernetes::{Cluster, Labels, Naming, Port, Settings},
};

/// `kubernetes` at the top: what all pools share, and where Services make pools.
pub(super) fn cluster(
    node: Option<Node>,
    faults: &mut Vec<Fault>,
) -> (Arc<Cluster>, Option<Labels>) {
    let Some(mut table) = node.and_then(|node| node.table(faults)) else {
        return Default::default();
    };
    let kubeconfig = table
        .take("kubeconfig")
        .and_then(|node| node.parse(path, faults));
    let snapshot = table
        .take("snapshot")
        .and_then(|node| node.parse(path, faults));
    let zone = table.take("zone").and_then(|node| node.word(faults));
    let prefer_zone = is_on(&mut table, "prefer_zone", faults);
    let cluster = Arc::new(Cluster {
        kubeconfig,
        snapshot,
        zone: zone.map(Into::into),
        prefer_zone,
    });
    let labels = labels(&mut table, &cluster, faults);
    table.finish(faults);
    (cluster, labels)
}

fn labels(table: &mut Table, cluster: &Arc<Cluster>, faults: &mut Vec<Fault>) -> Option<Labels> {
    let is_on = is_on(table, "labels", faults);
    let node = table.take("namespaces");
    if let Some(node) = node.as_ref().filter(|_| !is_on) {
        faults.push(node.fault(
            "says where labels make pools, and they make none; add `labels: true` beside it",
        ));
    }
    let nodes = node.and_then(|node| node.list(faults)).unwrap_or_default();
    let mut namespaces: Vec<Option<Box<str>>> = Vec::new();
    for node in nodes {
        let twice = node.fault("named twice; remove one");
        match node.parse(name, faults) {
            found if namespaces.contains(&found) => faults.push(twice),
            found => namespaces.push(found),
        }
    }
    if namespaces.is_empty() {
        namespaces.push(None);
    }
    is_on.then(|| Labels {
        namespaces: namespaces.into(),
        cluster: cluster.clone(),
        replicas: NonZeroU32::MIN,
    })
}

fn is_on(table: &mut Table, key: &'static str, faults: &mut Vec<Fault>) -> bool {
    let Some(node) = table.take(key) else {
        return false;
    };
    node.boolean().unwrap_or_else(|| {
        faults.push(node.expected("true or false"));
        false
    })
}

/// `kubernetes` of a pool.
pub(super) fn read(
    node: Node,
    cluster: &Arc<Cluster>,
    faults: &mut Vec<Fault>,
) -> Option<Settings> {
    let mut table = node.table(faults)?;
    let service = table.require("service", "name the Service of the workers", faults);
    let service = service.and_then(|node| node.parse(name, faults));
    let namespace = table
        .take("namespace")
        .and_then(|node| node.parse(name, faults));
    let port = table.take("port").and_then(|node| port(node, faults));
    let naming = table
        .take("name")
        .and_then(|node| node.parse(naming, faults));
    table.finish(faults);
    Some(Settings {
        service: service?,
        namespace,
        port,
        naming: naming.unwrap_or_default(),
        weight: 1.0,
        cluster: cluster.clone(),
    })
}

fn port(node: Node, faults: &mut Vec<Fault>) -> Option<Port> {
    match node.is_text() {
        true => node.parse(name, faults).map(Port::Name),
        false => super::port(node, faults).map(Port::Number),
    }
}

/// A port as a text has it.
pub(in crate::config) fn port_of(text: &str) -> Result<Port, &'static str> {
    let number = |number: u16| match number {
        0 => Err("expected a port from 1 to 65535, or its name"),
        number => Ok(Port::Number(number)),
    };
    text.parse()
        .map_or_else(|_| name(text).map(Port::Name), number)
}

/// A name as Kubernetes allows it (RFC 1123).
fn name(text: &str) -> Result<Box<str>, &'static str> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let sound = (1..=63).contains(&text.len()) && text.bytes().all(plain);
    match sound && !text.starts_with('-') && !text.ends_with('-') {
        true => Ok(text.into()),
        false => Err("expected a name as Kubernetes has them: small letters, digits and `-`"),
    }
}

fn naming(text: &str) -> Result<Naming, &'static str> {
    match text {
        "pod" => Ok(Naming::Pod),
        "address" => Ok(Naming::Address),
        _ => Err("expected pod or address"),
    }
}

fn path(text: &str) -> Result<Box<Path>, &'static str> {
    match text.starts_with('/') {
        true => Ok(Path::new(text).into()),
        false => Err("expected a path that starts with /"),
    }
}
