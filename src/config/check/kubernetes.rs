//! Workers that Kubernetes names, and the way to its API server.

use std::{path::Path, sync::Arc};

use crate::{
    config::{Fault, node::Node},
    discovery::kubernetes::{Cluster, Naming, Port, Settings},
};

/// `kubernetes` at the top: what all pools share.
pub(super) fn cluster(node: Option<Node>, faults: &mut Vec<Fault>) -> Arc<Cluster> {
    let Some(mut table) = node.and_then(|node| node.table(faults)) else {
        return Arc::default();
    };
    let kubeconfig = table
        .take("kubeconfig")
        .and_then(|node| node.parse(path, faults));
    let snapshot = table
        .take("snapshot")
        .and_then(|node| node.parse(path, faults));
    table.finish(faults);
    Arc::new(Cluster {
        kubeconfig,
        snapshot,
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
        cluster: cluster.clone(),
    })
}

fn port(node: Node, faults: &mut Vec<Fault>) -> Option<Port> {
    match node.is_text() {
        true => node.parse(name, faults).map(Port::Name),
        false => super::port(node, faults).map(Port::Number),
    }
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
