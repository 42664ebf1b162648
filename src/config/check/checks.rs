//! How the workers of a service that is not Synapse are asked for their health.

use hyper::http::uri::PathAndQuery;

use crate::{
    config::{Fault, node::Table},
    pool::Check,
};

/// `health`: a path, or `none`; without it a connection is enough.
pub(super) fn read(table: &mut Table, faults: &mut Vec<Fault>) -> Check {
    let node = table.take("health");
    node.and_then(|node| node.parse(check, faults))
        .unwrap_or(Check::Connection)
}

fn check(text: &str) -> Result<Check, &'static str> {
    match text {
        "none" => Ok(Check::Nothing),
        path if path.starts_with('/') && path.parse::<PathAndQuery>().is_ok() => {
            Ok(Check::Path(path.into()))
        }
        _ => Err("expected a path such as /health, or none"),
    }
}
