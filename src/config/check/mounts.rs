//! Other services under the same name.

use std::{path::PathBuf, sync::Arc, time::Duration};

use hyper::http::{HeaderName, HeaderValue, header};

use super::{caps, checks, duration, limits, listeners, pools, source, tls};
use crate::{
    config::{
        Fault,
        node::{Node, Table},
    },
    discovery::kubernetes::Cluster,
    matrix::Group,
    pool,
    route::{Files, Mount, MountTimeouts, Mounts, Place, PoolId, Service},
};

const NO_PLACE: &str =
    "missing; say where it is: `prefix: /hookshot/`, `host: app.example.org`, or both";

/// `mounts`; adds the pools of those that have workers.
pub(super) fn read(
    top: &mut Table,
    cluster: &Arc<Cluster>,
    pools: &mut Vec<pool::Settings>,
    faults: &mut Vec<Fault>,
) -> Mounts {
    let nodes = top.take("mounts").and_then(|node| node.list(faults));
    let mut places: Vec<Place> = Vec::new();
    for node in nodes.unwrap_or_default() {
        let path = node.path.clone();
        let Some(new) = mount(node, cluster, pools, faults) else {
            continue;
        };
        let taken = |place: &&Place| places.iter().any(|other| other.is_same(place));
        if let Some(place) = new.iter().find(taken) {
            let message = format!("{place} is the place of a mount above; choose another");
            faults.push(Fault::new(path, message));
        }
        places.extend(new);
    }
    Mounts::new(places)
}

fn mount(
    node: Node,
    cluster: &Arc<Cluster>,
    pools: &mut Vec<pool::Settings>,
    faults: &mut Vec<Fault>,
) -> Option<Vec<Place>> {
    let mut table = node.table(faults)?;
    let prefixes = several(table.take("prefix"), prefix, faults);
    let hosts = several(table.take("host"), listeners::host, faults);
    if prefixes.is_none() && hosts.is_none() {
        faults.push(Fault::new(format!("{}.prefix", table.path), NO_PLACE));
    }
    let prefixes = prefixes.unwrap_or_else(|| vec!["/".into()]);
    let hosts = hosts.unwrap_or_default();
    let name = name(&mut table, &prefixes, &hosts, faults);
    let timeouts = timeouts(table.take("timeouts"), faults);
    let body = table
        .take("body")
        .and_then(|node| limits::size(node, faults));
    let found = match table.take("directory") {
        Some(node) => files(node, &mut table, faults).map(|files| (files, false)),
        None => workers(&name, &mut table, cluster, pools, faults),
    };
    table.finish(faults);
    let (service, strip) = found?;
    let mount = Arc::new(Mount {
        name,
        service,
        strip,
        timeouts,
        body,
    });
    Some(places(&prefixes, &hosts, &mount))
}

fn places(prefixes: &[Box<str>], hosts: &[Box<str>], mount: &Arc<Mount>) -> Vec<Place> {
    let hosts: Vec<Option<&Box<str>>> = match hosts {
        [] => vec![None],
        _ => hosts.iter().map(Some).collect(),
    };
    let at = |host: Option<&Box<str>>, prefix| Place::new(prefix, host.cloned(), mount.clone());
    let places = hosts.into_iter().flat_map(|host| {
        let prefixes = prefixes.iter();
        prefixes.map(move |prefix| (host, prefix))
    });
    places.map(|(host, prefix)| at(host, prefix)).collect()
}

/// One text, or a list of them; none when the key is not there.
fn several<E: std::fmt::Display>(
    node: Option<Node>,
    read: impl Fn(&str) -> Result<Box<str>, E>,
    faults: &mut Vec<Fault>,
) -> Option<Vec<Box<str>>> {
    let nodes = node?.items().into_iter();
    Some(nodes.filter_map(|node| node.parse(&read, faults)).collect())
}

fn prefix(text: &str) -> Result<Box<str>, &'static str> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#<>`".contains(&byte);
    let sound = text.starts_with('/') && text.bytes().all(plain) && !text.contains("//");
    match sound {
        true => Ok(text.into()),
        false => Err("expected the start of a raw path, such as /hookshot/"),
    }
}

/// The admin's name, else one made of the place.
fn name(
    table: &mut Table,
    prefixes: &[Box<str>],
    hosts: &[Box<str>],
    faults: &mut Vec<Fault>,
) -> Box<str> {
    let given = table.take("name").and_then(|node| {
        node.parse(
            |text| pools::check_name(text).map(|()| Box::from(text)),
            faults,
        )
    });
    given.unwrap_or_else(|| {
        let prefix = prefixes
            .first()
            .map_or("", |prefix| prefix.trim_matches('/'));
        match (prefix, hosts.first()) {
            ("", Some(host)) => host.clone(),
            ("", None) => "root".into(),
            _ => made_of(prefix),
        }
    })
}

fn made_of(prefix: &str) -> Box<str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name = prefix.chars().map(|c| if plain(c) { c } else { '-' });
    name.take(63).collect::<String>().into()
}

fn workers(
    name: &str,
    table: &mut Table,
    cluster: &Arc<Cluster>,
    pools: &mut Vec<pool::Settings>,
    faults: &mut Vec<Fault>,
) -> Option<(Service, bool)> {
    let strip = table.take("strip").and_then(|node| boolean(&node, faults));
    let check = checks::read(table, faults);
    let source = source::read(table, cluster, faults);
    let tls = tls::read(table, source.as_ref(), faults);
    let caps = caps::read(table, faults);
    if pools.iter().any(|pool| *pool.name == *name) {
        let message = format!("a pool or mount is called `{name}` already; give this one a `name`");
        faults.push(Fault::new(&table.path, message));
    }
    pools.push(caps.of(pool::Settings {
        tls,
        check,
        ..pool::Settings::new(name, [Group::Mount], source?)
    }));
    let pool = Service::Pool(PoolId::new(name));
    Some((pool, strip.unwrap_or(false)))
}

fn files(node: Node, table: &mut Table, faults: &mut Vec<Fault>) -> Option<Service> {
    for key in [
        "workers",
        "dns",
        "kubernetes",
        "strip",
        "health",
        "tls",
        "cap",
        "queue",
    ] {
        let other = table.take(key);
        let message = "this is for workers, and `directory` stands here too; keep one";
        faults.extend(other.map(|node| node.fault(message)));
    }
    let fallback = table
        .take("fallback")
        .and_then(|node| node.parse(fallback, faults));
    let headers = headers(table.take("headers"), faults);
    Some(Service::Files(Arc::new(Files {
        directory: node.parse(directory, faults)?,
        fallback,
        headers,
    })))
}

fn directory(text: &str) -> Result<PathBuf, &'static str> {
    match text.is_empty() {
        false => Ok(text.into()),
        true => Err("expected the path of a directory"),
    }
}

fn fallback(text: &str) -> Result<Box<str>, &'static str> {
    let inside = !text.is_empty() && text.split('/').all(|part| !part.is_empty() && part != "..");
    match inside {
        true => Ok(text.into()),
        false => Err("expected a file in the directory, such as index.html"),
    }
}

/// Browsers ask each time whether they have the newest version, and take nothing for a script that is none.
fn headers(node: Option<Node>, faults: &mut Vec<Fault>) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = vec![
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    let entries = node.and_then(|node| node.table(faults));
    for (name, node) in entries.map(Table::into_entries).unwrap_or_default() {
        let wrong = node.fault("no name that a header field can have");
        let value = node.parse(HeaderValue::from_str, faults);
        match (HeaderName::from_bytes(name.as_bytes()), value) {
            (Err(_), _) => faults.push(wrong),
            (Ok(name), Some(value)) => {
                headers.retain(|(known, _)| *known != name);
                headers.push((name, value));
            }
            (Ok(_), None) => {}
        }
    }
    headers
}

fn timeouts(node: Option<Node>, faults: &mut Vec<Fault>) -> MountTimeouts {
    let mut timeouts = MountTimeouts::default();
    let Some(mut table) = node.and_then(|node| node.table(faults)) else {
        return timeouts;
    };
    for (key, time) in [
        ("answer", &mut timeouts.answer),
        ("idle", &mut timeouts.idle),
        ("upgraded", &mut timeouts.upgraded),
    ] {
        *time = duration(&mut table, key, faults).unwrap_or(*time);
        if *time == Duration::ZERO {
            let path = format!("{}.{key}", table.path);
            faults.push(Fault::new(path, "must be longer than 0s"));
        }
    }
    table.finish(faults);
    timeouts
}

fn boolean(node: &Node, faults: &mut Vec<Fault>) -> Option<bool> {
    let value = node.boolean();
    if value.is_none() {
        faults.push(node.expected("true or false"));
    }
    value
}
