//! Where clients come in.

use std::{net::IpAddr, path::PathBuf, sync::Arc};

use ipnet::IpNet;

use crate::{
    admin,
    config::{
        Fault,
        node::{Node, Table},
    },
    front::{self, CertificateFiles},
    http1::Coding,
    net::Address,
    proxy::{ClientFrom, Door, Instead, Rates, WellKnown},
};

use super::{
    limits, rates, serves,
    well_known::{self, url},
};

/// What all listeners have in common, unless they say otherwise.
struct Shared {
    well_known: WellKnown,
    rates: Option<Arc<Rates>>,
}

/// All `listeners`.
pub(super) fn read(top: &mut Table, faults: &mut Vec<Fault>) -> Vec<front::Settings> {
    let well_known = well_known::read(top, faults);
    let rates = rates::read(top, faults);
    let shared = Shared { well_known, rates };
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
        .filter_map(|node| listener(node, &shared, faults))
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

fn listener(node: Node, shared: &Shared, faults: &mut Vec<Fault>) -> Option<front::Settings> {
    let mut table = node.table(faults)?;
    let address = table.require(
        "address",
        "such as 0.0.0.0:8080 or unix:/run/thalamus.sock",
        faults,
    );
    let address = address.and_then(|node| node.parse(str::parse::<Address>, faults));
    let door = door(&mut table, shared, faults);
    let proxy_protocol = proxy_protocol(table.take("proxy_protocol"), &door, faults);
    let tls = table.take("tls").map(|node| tls(node, faults));
    let connections = table.take("connections");
    let connections = connections.and_then(|node| limits::count(node, faults));
    table.finish(faults);
    Some(front::Settings {
        address: address?,
        door,
        connections,
        proxy_protocol,
        tls: tls.unwrap_or_default(),
    })
}

fn door(table: &mut Table, shared: &Shared, faults: &mut Vec<Fault>) -> Door {
    let trusted_proxies = table.take("trusted_proxies");
    let hosts = hosts(table.take("hosts"), faults);
    Door {
        trusted_proxies: trusted_proxies
            .map(|node| networks(node, faults))
            .unwrap_or_default(),
        client_from: table
            .take("client_from")
            .and_then(|node| node.parse(client_from, faults))
            .unwrap_or(ClientFrom::XForwardedFor),
        admin_api: table
            .take("admin_api")
            .map(|node| admin_api(node, faults))
            .unwrap_or_default(),
        serves: serves::of_listener(table, faults),
        unknown_host: unknown_host(table.take("unknown_host"), &hosts, faults),
        hosts,
        root: table
            .take("root")
            .and_then(|node| node.parse(instead, faults)),
        to_https: table
            .take("redirect")
            .and_then(|node| node.parse(redirect, faults))
            .is_some(),
        http2: http2(table.take("http2"), faults),
        rates: rates::read(table, faults).or_else(|| shared.rates.clone()),
        compression: table
            .take("compression")
            .map(|node| compression(node, faults))
            .unwrap_or_default(),
        well_known: shared.well_known.clone(),
    }
}

/// Spoken unless it is turned off.
fn http2(node: Option<Node>, faults: &mut Vec<Fault>) -> bool {
    let Some(node) = node else { return true };
    let said = node.boolean();
    if said.is_none() {
        faults.push(node.expected("true or false"));
    }
    said.unwrap_or(true)
}

fn client_from(text: &str) -> Result<ClientFrom, &'static str> {
    match text {
        "x_forwarded_for" => Ok(ClientFrom::XForwardedFor),
        "forwarded" => Ok(ClientFrom::Forwarded),
        _ => Err("expected x_forwarded_for or forwarded"),
    }
}

/// `{certificate, key}`, or a list of them.
fn tls(node: Node, faults: &mut Vec<Fault>) -> Vec<CertificateFiles> {
    let empty = node.fault("no certificate; write `tls: {certificate: tls.crt, key: tls.key}`");
    let nodes = match node.is_list() {
        true => node.list(faults).unwrap_or_default(),
        false => vec![node],
    };
    if nodes.is_empty() {
        faults.push(empty);
    }
    let files = nodes.into_iter();
    files.filter_map(|node| certificate(node, faults)).collect()
}

fn certificate(node: Node, faults: &mut Vec<Fault>) -> Option<CertificateFiles> {
    let mut table = node.table(faults)?;
    let mut path = |key, way_out| {
        let node = table.require(key, way_out, faults)?;
        Some(PathBuf::from(node.text(faults)?))
    };
    let certificate = path(
        "certificate",
        "the file with the certificate and its chain, in PEM",
    );
    let key = path("key", "the file with its private key, in PEM");
    table.finish(faults);
    Some(CertificateFiles {
        certificate: certificate?,
        key: key?,
    })
}

/// `required` or `none`, and somebody who may send the header.
fn proxy_protocol(node: Option<Node>, door: &Door, faults: &mut Vec<Fault>) -> bool {
    let Some(node) = node else { return false };
    let nobody = node.fault("nobody may send a PROXY header; name your proxies in trusted_proxies");
    let required = node.parse(
        |text| match text {
            "required" => Ok(true),
            "none" => Ok(false),
            _ => Err("expected required or none"),
        },
        faults,
    );
    if required == Some(true) && door.trusted_proxies.is_empty() {
        faults.push(nobody);
    }
    required == Some(true)
}

pub(super) fn networks(node: Node, faults: &mut Vec<Fault>) -> Vec<IpNet> {
    let nodes = node.list(faults).unwrap_or_default().into_iter();
    nodes
        .filter_map(|node| node.parse(network, faults))
        .collect()
}

/// `true` for everyone, or the networks of those who may.
fn admin_api(node: Node, faults: &mut Vec<Fault>) -> Vec<IpNet> {
    match node.boolean() {
        Some(true) => Door::open().admin_api,
        Some(false) => Vec::new(),
        None if node.is_list() => networks(node, faults),
        None => {
            faults.push(node.expected("true, false or a list of networks"));
            Vec::new()
        }
    }
}

/// `true` for every coding, or those that may be used, the first of equals.
fn compression(node: Node, faults: &mut Vec<Fault>) -> Box<[Coding]> {
    match node.boolean() {
        Some(true) => Coding::ALL.into(),
        Some(false) => Box::default(),
        None if node.is_list() => {
            let nodes = node.list(faults).unwrap_or_default().into_iter();
            nodes
                .filter_map(|node| node.parse(coding, faults))
                .collect()
        }
        None => {
            faults.push(node.expected("true, false or a list of zstd, br and gzip"));
            Box::default()
        }
    }
}

fn coding(text: &str) -> Result<Coding, &'static str> {
    Coding::named(text).ok_or("expected zstd, br or gzip")
}

fn hosts(node: Option<Node>, faults: &mut Vec<Fault>) -> Vec<Box<str>> {
    let nodes = node.and_then(|node| node.list(faults)).unwrap_or_default();
    let hosts = nodes.into_iter();
    hosts.filter_map(|node| node.parse(host, faults)).collect()
}

/// A name as it stands in `Host`, without a port.
pub(super) fn host(text: &str) -> Result<Box<str>, &'static str> {
    let literal = text.starts_with('[') && text.ends_with(']');
    let name = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    match !text.is_empty() && (literal || name) {
        true => Ok(text.trim_end_matches('.').to_ascii_lowercase().into()),
        false => Err("expected a host name without a port, such as matrix.example.org"),
    }
}

/// What other names are answered, where not every name is served.
fn unknown_host(node: Option<Node>, hosts: &[Box<str>], faults: &mut Vec<Fault>) -> Instead {
    let Some(node) = node else {
        return Instead::Refuse;
    };
    if hosts.is_empty() {
        faults.push(node.fault("every host name is served; name those that are in `hosts`"));
    }
    node.parse(instead, faults).unwrap_or_default()
}

/// `refuse`, or where to go instead.
fn instead(text: &str) -> Result<Instead, &'static str> {
    match text {
        "refuse" => Ok(Instead::Refuse),
        _ => url(text)
            .map(Instead::Redirect)
            .map_err(|_| "expected `refuse`, or a URL to redirect to such as https://example.org/"),
    }
}

fn redirect(text: &str) -> Result<(), &'static str> {
    match text {
        "https" => Ok(()),
        _ => Err("the only redirect is `https`; leave it out for none"),
    }
}

/// A network, or a single address.
pub(super) fn network(text: &str) -> Result<IpNet, &'static str> {
    text.parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "expected a network such as 10.0.0.0/8 or fd00::/8, or one address")
}
