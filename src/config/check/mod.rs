//! From loose values to each part's Settings, all faults on the way written down.

mod appservices;
mod callers;
mod caps;
mod checks;
mod dns;
mod health;
mod kubernetes;
mod limits;
mod listeners;
mod mas;
mod mounts;
mod pools;
mod rates;
mod rules;
mod serves;
mod source;
mod tls;
mod well_known;
mod workers;

use std::{num::NonZeroUsize, time::Duration};

pub(super) use caps::cap_of;
pub(super) use kubernetes::port_of;
pub(super) use pools::check_name;
pub(super) use serves::{is_one_process, words_of};

use super::{
    Fault, Settings,
    node::{Node, Table},
    units,
};
use crate::{
    admin, lifecycle,
    matrix::{NoRelease, Release},
    net::Address,
    route::Policy,
    telemetry::AccessLog,
};

/// The Settings of a configuration; of use only when no fault was found.
pub(super) fn settings(root: Node, faults: &mut Vec<Fault>) -> Option<Settings> {
    let mut top = root.table(faults)?;
    let threads = threads(top.take("threads"), faults);
    let access_log = access_log(top.take("access_log"), faults);
    let listeners = listeners::read(&mut top, faults);
    let admin = top.take("admin").and_then(|node| admin(node, faults));
    let mut pools = pools::read(&mut top, faults);
    let mas_allow = mas::read(&mut top, &mut pools.named, faults);
    let rules = rules::read(&mut top, &pools, faults);
    rules::refuse_idle(&pools.named, &rules, faults);
    let mounts = mounts::read(&mut top, &pools.cluster, &mut pools.named, faults);
    let limits = limits::read(&mut top, faults);
    let health = health::read(top.take("health"), faults);
    let callers = callers::read(top.take("callers"), faults);
    let appservices = appservices::read(top.take("appservices"), faults);
    let shutdown = shutdown(top.take("shutdown"), faults);
    let synapse_version = synapse_version(top.take("synapse_version"), faults);
    top.finish(faults);
    listeners::refuse_doubles(&listeners, admin.as_ref(), faults);
    Some(Settings {
        threads,
        listeners,
        admin,
        cluster: pools.cluster.clone(),
        labels: pools.labels.clone(),
        pools: pools.shared_out(),
        limits,
        policy: Policy {
            rules,
            mounts,
            mas_allow,
        },
        health,
        appservices,
        callers,
        access_log,
        shutdown,
        synapse_version,
    })
}

fn synapse_version(node: Option<Node>, faults: &mut Vec<Fault>) -> Option<Release> {
    node?.parse(
        |text| {
            text.parse()
                .map_err(|error: NoRelease| format!("{error}; leave it out to ask it"))
        },
        faults,
    )
}

fn threads(node: Option<Node>, faults: &mut Vec<Fault>) -> NonZeroUsize {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let Some(node) = node else { return cores };
    let fault =
        node.fault("expected a number of threads from 1 to 1024; leave it out to use every core");
    let Some(number) = node.whole(faults) else {
        return cores;
    };
    let threads = usize::try_from(number)
        .ok()
        .filter(|threads| *threads <= 1024);
    threads.and_then(NonZeroUsize::new).unwrap_or_else(|| {
        faults.push(fault);
        cores
    })
}

fn access_log(node: Option<Node>, faults: &mut Vec<Fault>) -> AccessLog {
    node.and_then(|node| node.parse(log_form, faults))
        .unwrap_or(AccessLog::Text)
}

fn log_form(text: &str) -> Result<AccessLog, &'static str> {
    match text {
        "text" => Ok(AccessLog::Text),
        "json" => Ok(AccessLog::Json),
        "none" => Ok(AccessLog::None),
        _ => Err("expected text, json or none"),
    }
}

fn admin(node: Node, faults: &mut Vec<Fault>) -> Option<admin::Settings> {
    let mut table = node.table(faults)?;
    let address = table.require("address", "such as 127.0.0.1:9090", faults);
    let address = address.and_then(|node| node.parse(admin_address, faults));
    let token = table
        .take("token")
        .and_then(|node| node.secret(admin::Token::new, faults));
    table.finish(faults);
    address.map(|address| admin::Settings { address, token })
}

fn admin_address(text: &str) -> Result<Address, String> {
    match text.parse() {
        Ok(Address::Unix(_)) => Err("the admin address is host:port, not a Unix socket".into()),
        Ok(address) => Ok(address),
        Err(error) => Err(error.to_string()),
    }
}

fn shutdown(node: Option<Node>, faults: &mut Vec<Fault>) -> lifecycle::Settings {
    let mut shutdown = lifecycle::Settings::default();
    if let Some(mut table) = node.and_then(|node| node.table(faults)) {
        shutdown.delay = duration(&mut table, "delay", faults).unwrap_or(shutdown.delay);
        shutdown.grace = duration(&mut table, "grace", faults).unwrap_or(shutdown.grace);
        table.finish(faults);
    }
    shutdown
}

fn duration(table: &mut Table, key: &'static str, faults: &mut Vec<Fault>) -> Option<Duration> {
    table.take(key)?.parse(units::duration, faults)
}

fn port(node: Node, faults: &mut Vec<Fault>) -> Option<u16> {
    let fault = node.fault("expected a port from 1 to 65535");
    let port = u16::try_from(node.whole(faults)?)
        .ok()
        .filter(|port| *port > 0);
    if port.is_none() {
        faults.push(fault);
    }
    port
}
