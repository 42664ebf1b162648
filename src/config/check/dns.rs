//! Workers that DNS names.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::duration;
use crate::{
    config::{
        Fault,
        node::{Node, Table},
    },
    discovery::dns::{Query, Settings},
};

const WAY_OUT: &str =
    "write `{name: client-reader, port: 8083}` or `{srv: _http._tcp.client-reader}`";

/// `dns`.
pub(super) fn read(node: Node, faults: &mut Vec<Fault>) -> Option<Settings> {
    let mut table = node.table(faults)?;
    let query = query(&mut table, faults);
    let servers = table.take("servers").and_then(|node| node.list(faults));
    let servers = servers.unwrap_or_default().into_iter();
    let servers = servers
        .filter_map(|node| node.parse(server, faults))
        .collect();
    let shortest = duration(&mut table, "min_interval", faults).unwrap_or(Duration::from_secs(1));
    let longest = duration(&mut table, "max_interval", faults).unwrap_or(Duration::from_secs(5));
    if shortest.is_zero() || shortest > longest {
        let way_out =
            "must be longer than 0s and at most `max_interval` (1s and 5s, where not given)";
        faults.push(Fault::new(format!("{}.min_interval", table.path), way_out));
    }
    table.finish(faults);
    Some(Settings {
        query: query?,
        servers,
        shortest,
        longest: longest.max(shortest),
    })
}

fn query(table: &mut Table, faults: &mut Vec<Fault>) -> Option<Query> {
    let (name, srv, port) = (table.take("name"), table.take("srv"), table.take("port"));
    match (name, srv, port) {
        (Some(name), None, Some(port)) => {
            let port = super::port(port, faults);
            Some(Query::Address(name.parse(self::name, faults)?, port?))
        }
        (None, Some(srv), None) => Some(Query::Service(srv.parse(self::name, faults)?)),
        (None, Some(_), Some(port)) => {
            faults.push(port.fault("SRV records bring their port; remove this one"));
            None
        }
        _ => {
            faults.push(Fault::new(&table.path, WAY_OUT));
            None
        }
    }
}

fn name(text: &str) -> Result<Box<str>, &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let labels = text.strip_suffix('.').unwrap_or(text).split('.');
    let sound = labels.clone().all(|label| (1..=63).contains(&label.len()));
    match sound && text.len() <= 253 && text.bytes().all(plain) && !is_address(text) {
        true => Ok(text.into()),
        false => Err("expected a name that DNS knows, such as client-reader"),
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// `10.0.0.10`, or with a port.
fn server(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)))
        .map_err(|_| "expected the address of a name server, such as 10.0.0.10 or 10.0.0.10:53")
}
