//! From a Service and its slices to workers: plain code.

use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::{
    core::v1::Service,
    discovery::v1::{Endpoint as Entry, EndpointConditions, EndpointPort, EndpointSlice},
};

use super::{Naming, Port, Settings};
use crate::{discovery::Endpoint, net::Address};

/// Why a Service gives no workers, with the way out.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("there is no Service {0}; check its name and namespace")]
    Missing(Box<str>),
    #[error(
        "the Service {0} is an ExternalName, which has no endpoints; \
         write `dns: {{name: {1}, port: ...}}` for this pool instead"
    )]
    ExternalName(Box<str>, String),
    #[error("the Service {0} has no TCP port {1}; it has {2}")]
    Port(Box<str>, String, String),
    #[error("the Service {0} has several TCP ports; choose one with `port`: {1}")]
    Ports(Box<str>, String),
}

/// One endpoint of one slice, as far as it counts.
struct Candidate {
    /// The pod, else the address: the same one twice is one worker.
    identity: String,
    /// Of the other address family than the Service prefers.
    is_second_family: bool,
    draining: bool,
    has_pod: bool,
    near: bool,
    address: SocketAddr,
}

/// The workers of a Service: all of its slices merged, each worker once.
pub(super) fn workers<'a>(
    settings: &Settings,
    service: Option<&Service>,
    slices: impl Iterator<Item = &'a EndpointSlice> + Clone,
) -> Result<Vec<Endpoint>, Unusable> {
    let service = usable(settings, service)?;
    let mut candidates = Vec::new();
    let mut without_port = None;
    for slice in slices.filter(|slice| !slice.endpoints.is_empty()) {
        match port(settings, service, slice) {
            Ok(port) => candidates.extend(read(settings, service, slice, port)),
            Err(unusable) => without_port = Some(unusable),
        }
    }
    match without_port {
        Some(unusable) if candidates.is_empty() => Err(unusable),
        _ => Ok(once_each(settings, candidates)),
    }
}

fn usable<'a>(settings: &Settings, service: Option<&'a Service>) -> Result<&'a Service, Unusable> {
    let name = &settings.service;
    let service = service.ok_or_else(|| Unusable::Missing(name.clone()))?;
    let spec = service.spec.as_ref();
    match spec.and_then(|spec| spec.external_name.clone()) {
        Some(target) => Err(Unusable::ExternalName(name.clone(), target)),
        None => Ok(service),
    }
}

/// The port that the endpoints of a slice listen on.
fn port(settings: &Settings, service: &Service, slice: &EndpointSlice) -> Result<u16, Unusable> {
    let tcp = |port: &&EndpointPort| port.protocol.as_deref().is_none_or(|kind| kind == "TCP");
    let ports: Vec<_> = slice.ports.iter().flatten().filter(tcp).collect();
    let number = |port: &EndpointPort| port.port.and_then(|port| u16::try_from(port).ok());
    let named = |name: &str| {
        let same = ports
            .iter()
            .find(|port| port.name.as_deref().unwrap_or_default() == name);
        same.and_then(|port| number(port))
    };
    let name = &settings.service;
    let found = match (&settings.port, ports.as_slice()) {
        (Some(Port::Name(name)), _) => named(name),
        (Some(Port::Number(wanted)), []) => Some(*wanted),
        (Some(Port::Number(wanted)), _)
            if ports.iter().any(|port| number(port) == Some(*wanted)) =>
        {
            Some(*wanted)
        }
        (Some(Port::Number(wanted)), _) => name_in_service(service, *wanted).and_then(named),
        (None, [one]) => number(one),
        (None, _) => return Err(Unusable::Ports(name.clone(), shown(&ports))),
    };
    let wanted = match &settings.port {
        Some(Port::Name(wanted)) => wanted.to_string(),
        Some(Port::Number(wanted)) => wanted.to_string(),
        None => "with a number".into(),
    };
    found.ok_or_else(|| Unusable::Port(name.clone(), wanted, shown(&ports)))
}

fn name_in_service(service: &Service, number: u16) -> Option<&str> {
    let mut ports = service
        .spec
        .iter()
        .flat_map(|spec| spec.ports.iter().flatten());
    let port = ports.find(|port| port.port == i32::from(number))?;
    Some(port.name.as_deref().unwrap_or_default())
}

fn shown(ports: &[&EndpointPort]) -> String {
    let show = |port: &&EndpointPort| match (port.name.as_deref(), port.port) {
        (Some(name), Some(number)) if !name.is_empty() => format!("{name} ({number})"),
        (_, Some(number)) => number.to_string(),
        (name, None) => name.unwrap_or_default().to_owned(),
    };
    match ports {
        [] => "none".into(),
        _ => ports.iter().map(show).collect::<Vec<_>>().join(", "),
    }
}

fn read(
    settings: &Settings,
    service: &Service,
    slice: &EndpointSlice,
    port: u16,
) -> impl Iterator<Item = Candidate> {
    let zone = settings.cluster.preferred_zone();
    let families = service
        .spec
        .as_ref()
        .and_then(|spec| spec.ip_families.as_ref());
    let first = families.and_then(|families| families.first());
    let is_second_family = slice.address_type != first.map_or("IPv4", String::as_str);
    slice.endpoints.iter().filter_map(move |entry| {
        // Only the first address has a meaning, says the API.
        let ip: IpAddr = entry.addresses.first()?.parse().ok()?;
        let address = SocketAddr::new(ip, port);
        let pod = pod(entry);
        Some(Candidate {
            draining: is_draining(entry.conditions.as_ref())?,
            has_pod: pod.is_some(),
            near: zone.is_some_and(|zone| is_for(zone, entry)),
            identity: pod.map_or_else(|| address.to_string(), str::to_owned),
            is_second_family,
            address,
        })
    })
}

fn pod(entry: &Entry) -> Option<&str> {
    let target = entry.target_ref.as_ref()?;
    target
        .name
        .as_deref()
        .filter(|_| target.kind.as_deref() == Some("Pod"))
}

/// Whether requests of a zone are meant for it: what the cluster's own balance of zones says, else where it runs.
fn is_for(zone: &str, entry: &Entry) -> bool {
    let hints = entry
        .hints
        .as_ref()
        .and_then(|hints| hints.for_zones.as_ref());
    match hints.filter(|zones| !zones.is_empty()) {
        Some(zones) => zones.iter().any(|hint| hint.name == zone),
        None => entry.zone.as_deref() == Some(zone),
    }
}

/// Whether it is about to go; none when it should not be asked. What is not said counts as "ready" and "stays".
fn is_draining(conditions: Option<&EndpointConditions>) -> Option<bool> {
    let said = |what: fn(&EndpointConditions) -> Option<bool>| conditions.and_then(what);
    let terminating = said(|c| c.terminating).unwrap_or(false);
    let serving = said(|c| c.serving).or(said(|c| c.ready)).unwrap_or(true);
    match (said(|c| c.ready).unwrap_or(true), terminating) {
        (_, true) => serving.then_some(true),
        (ready, false) => ready.then_some(false),
    }
}

/// A pod of two families, or one that stands in two slices while it moves between them, is one worker. Endpoints
/// without a pod cannot be told to be the same, so of those only one family counts.
fn once_each(settings: &Settings, mut candidates: Vec<Candidate>) -> Vec<Endpoint> {
    let has_first = candidates
        .iter()
        .any(|one| !one.has_pod && !one.is_second_family);
    candidates.retain(|one| one.has_pod || !one.is_second_family || !has_first);
    let rank = |one: &Candidate| (one.is_second_family, one.draining, one.address);
    candidates.sort_by(|one, other| {
        let by_name = one.identity.cmp(&other.identity);
        by_name.then_with(|| rank(one).cmp(&rank(other)))
    });
    candidates.dedup_by(|one, before| one.identity == before.identity);
    let endpoint = |one: Candidate| {
        let name = match settings.naming {
            Naming::Pod => one.identity,
            Naming::Address => one.address.to_string(),
        };
        Endpoint {
            draining: one.draining,
            near: one.near,
            weight: settings.weight,
            ..Endpoint::new(name, Address::Ip(one.address))
        }
    };
    candidates.into_iter().map(endpoint).collect()
}

#[cfg(test)]
mod tests;
