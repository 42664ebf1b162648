//! The Matrix Authentication Service: where it is, and from where it may call Synapse.

use ipnet::IpNet;

use super::{checks, listeners, tls, workers};
use crate::{
    config::{Fault, node::Table},
    discovery::Source,
    matrix::Group,
    pool,
    route::Policy,
};

/// The pool that `mas` makes.
const POOL: &str = "mas";

/// Reads `mas` and adds its pool; gives the networks that may call `/_synapse/mas`.
pub(super) fn read(
    top: &mut Table,
    pools: &mut Vec<pool::Settings>,
    faults: &mut Vec<Fault>,
) -> Vec<IpNet> {
    let default = Policy::default().mas_allow;
    let Some(node) = top.take("mas") else {
        return default;
    };
    let path = node.path.clone();
    let Some(mut table) = node.table(faults) else {
        return default;
    };
    let allow = table.take("allow");
    let allow = allow.map(|node| listeners::networks(node, faults));
    let source = source(&mut table, faults);
    let tls = tls::read(&mut table, source.as_ref(), faults);
    let check = checks::read(&mut table, faults);
    table.finish(faults);
    refuse_second(pools, &path, faults);
    pools.extend(source.map(|source| pool::Settings {
        tls,
        check,
        ..pool::Settings::new(POOL, [Group::MasCompat], source)
    }));
    allow.unwrap_or(default)
}

/// One `address`, or a list of `workers`.
fn source(table: &mut Table, faults: &mut Vec<Fault>) -> Option<Source> {
    let workers = match (table.take("address"), table.take("workers")) {
        (Some(_), Some(workers)) => {
            faults.push(workers.fault("`address` stands here too; keep one of the two"));
            None
        }
        (Some(node), None) => workers::worker(node, faults).map(|worker| [worker].into()),
        (None, Some(node)) => workers::read(node, faults),
        (None, None) => {
            let message = "missing; where MAS is, such as \"mas:8080\"";
            faults.push(Fault::new(format!("{}.address", table.path), message));
            None
        }
    };
    workers.map(Source::Static)
}

fn refuse_second(pools: &[pool::Settings], path: &str, faults: &mut Vec<Fault>) {
    let other = pools
        .iter()
        .find(|pool| &*pool.name == POOL || pool.serves.contains(&Group::MasCompat));
    if let Some(pool) = other {
        let message = format!(
            "the pool `{}` is there for MAS already; keep one of the two",
            pool.name
        );
        faults.push(Fault::new(path, message));
    }
}
