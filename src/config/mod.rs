//! The configuration: a YAML file and the environment, checked once into each part's Settings.

mod certificates;
mod check;
mod directories;
mod environment;
mod fault;
mod file;
mod labels;
mod node;
mod units;
mod warn;

use std::{num::NonZeroUsize, path::Path, sync::Arc};

pub use fault::{Fault, Faults};
pub use labels::{Composed, Composer, LabelFault};
pub use warn::warnings;

use crate::{
    admin,
    discovery::kubernetes::{Cluster, Labels},
    front, identity, lifecycle, matrix, pool, route, telemetry,
};

/// Everything that a sound configuration says, part by part.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Data-plane threads.
    pub threads: NonZeroUsize,
    /// Where clients come in; at least one.
    pub listeners: Vec<front::Settings>,
    /// The admin address; none when not wanted.
    pub admin: Option<admin::Settings>,
    /// All pools that the file names, `main` first, then in its order.
    pub pools: Vec<pool::Settings>,
    /// The way to the API server of Kubernetes.
    pub cluster: Arc<Cluster>,
    /// Where Services make more pools by their labels.
    pub labels: Option<Labels>,
    /// Deadlines and sizes.
    pub limits: route::Limits,
    /// Rules over the endpoint table.
    pub policy: route::Policy,
    /// When a worker is ejected and let in again.
    pub health: pool::Health,
    /// Application services, by their registration files.
    pub appservices: identity::Appservices,
    /// What is known of callers' tokens, and how it is asked for.
    pub callers: identity::Settings,
    /// What the access log looks like.
    pub access_log: telemetry::AccessLog,
    /// How we stop.
    pub shutdown: lifecycle::Settings,
    /// The release of Synapse; none to ask it.
    pub synapse_version: Option<matrix::Release>,
}

/// Reads the file at `path` and the environment, and checks all of it, with the certificates and directories that it
/// names.
///
/// A variable overrides one key: `THALAMUS_`, then the key's path with `__` between its parts, in any case:
/// `THALAMUS_ADMIN__ADDRESS=0.0.0.0:9090`, `THALAMUS_LISTENERS__0__ADDRESS`, `THALAMUS_POOLS__MAIN__WORKERS`.
/// Its value is read as YAML, so that `[10.0.0.0/8]` is a list. In the name of a pool, `_` stands for `-` and `.` too.
pub fn load(path: &Path) -> Result<Settings, Faults> {
    let text = file::read(path).map_err(|fault| Faults::new(path, vec![fault]))?;
    let settings = parse(&text, environment::variables());
    let settings = settings.and_then(|settings| {
        let mut faults = certificates::faults(&settings.listeners);
        faults.extend(directories::faults(&settings.policy.mounts));
        match faults.is_empty() {
            true => Ok(settings),
            false => Err(faults),
        }
    });
    settings.map_err(|faults| Faults::new(path, faults))
}

/// Checks a configuration's text, with these variables of the environment over it.
pub fn parse(
    text: &str,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Settings, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut value = file::value(text).map_err(|fault| vec![fault])?;
    environment::apply(&mut value, variables, &mut faults);
    let settings = check::settings(node::Node::root(value), &mut faults);
    match settings {
        Some(settings) if faults.is_empty() => Ok(settings),
        _ => Err(faults),
    }
}

#[cfg(test)]
mod tests;
