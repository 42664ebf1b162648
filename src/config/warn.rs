//! What is allowed and probably not meant.

use super::{Fault, Settings, check};
use crate::{discovery::Source, front, pool, route::Rules};

/// What to think about once more, each with its key.
pub fn warnings(settings: &Settings) -> Vec<Fault> {
    let listeners = settings.listeners.iter().enumerate();
    let mut warnings: Vec<Fault> = listeners
        .filter_map(|(index, listener)| trusts_all(index, listener))
        .collect();
    if settings.admin.is_none() {
        warnings.push(Fault::new(
            "admin",
            "no address: there is no health, metrics or status page",
        ));
    }
    warnings.extend(
        settings
            .pools
            .iter()
            .flat_map(|pool| [many_writers(pool), same_address(pool)])
            .flatten(),
    );
    warnings.extend(never_asked(&settings.policy.rules));
    let cluster = &settings.cluster;
    if cluster.prefer_zone && cluster.zone.is_none() {
        let message = "our zone is not known, so none is preferred; set `kubernetes.zone`";
        warnings.push(Fault::new("kubernetes.prefer_zone", message));
    }
    warnings.extend(never_let_in(settings));
    warnings
}

/// Behind a rule that answers everything no other is asked.
fn never_asked(rules: &Rules) -> Option<Fault> {
    let mut all = rules.iter();
    let last = all.find(|rule| rule.when.is_everything() && rule.reply().is_some())?;
    let below = all.count();
    (below > 0).then(|| {
        let message = format!(
            "rule {} answers every request, so the rules below it ({below}) decide nothing",
            last.name
        );
        Fault::new("rules", message)
    })
}

/// A mount at a host that no listener lets in.
fn never_let_in(settings: &Settings) -> Vec<Fault> {
    let lets_in = |host: &str| {
        let hosts = settings.listeners.iter().map(|one| &one.door.hosts);
        let mut hosts = hosts.filter(|hosts| {
            hosts.is_empty() || hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
        });
        hosts.next().is_some()
    };
    let places = settings.policy.mounts.iter();
    let shut =
        places.filter_map(|place| Some((place, place.host().filter(|host| !lets_in(host))?)));
    shut.map(|(place, host)| {
        let name = &place.mount.name;
        let message = format!("{name}: no listener lets {host} in; add it to the `hosts` of one");
        Fault::new("mounts", message)
    })
    .collect()
}

fn trusts_all(index: usize, listener: &front::Settings) -> Option<Fault> {
    let all = listener
        .door
        .trusted_proxies
        .iter()
        .find(|network| network.prefix_len() == 0)?;
    Some(Fault::new(
        format!("listeners[{index}].trusted_proxies"),
        format!(
            "{all} lets every client choose the address that Synapse sees; name your own proxies"
        ),
    ))
}

fn many_writers(pool: &pool::Settings) -> Option<Fault> {
    let Source::Static(workers) = &pool.source else {
        return None;
    };
    let group = pool
        .serves
        .iter()
        .find(|group| check::is_one_process(**group))?;
    (workers.len() > 1).then(|| {
        let (count, group) = (workers.len(), group.name());
        Fault::new(
            format!("pools.{}.workers", pool.name),
            format!("{count} workers, but `{group}` lives in one process; give that one a pool of its own"),
        )
    })
}

fn same_address(pool: &pool::Settings) -> Option<Fault> {
    let Source::Static(workers) = &pool.source else {
        return None;
    };
    let mut seen = workers.iter().enumerate();
    let (index, worker) = seen.find(|(index, worker)| {
        workers[..*index]
            .iter()
            .any(|other| other.address == worker.address)
    })?;
    Some(Fault::new(
        format!("pools.{}.workers[{index}].address", pool.name),
        format!(
            "{} is the address of two workers of this pool",
            worker.address
        ),
    ))
}
