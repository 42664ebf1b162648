//! TLS to workers.

use std::{path::Path, sync::Arc};

use rustls::pki_types::ServerName;

use crate::{
    config::{
        Fault,
        node::{Node, Table},
    },
    discovery::Source,
    net::{Connector, TrustFault},
};

/// `tls`: true, or a mapping with `ca` and `name`. Its file is read here: a reload reads it again.
pub(super) fn read(
    table: &mut Table,
    source: Option<&Source>,
    faults: &mut Vec<Fault>,
) -> Option<Arc<Connector>> {
    let node = table.take("tls")?;
    let connector = match node.boolean() {
        Some(false) => return None,
        Some(true) => connect(&node.path, None, None, faults),
        None => of_mapping(node, faults),
    }?;
    if let Some(source) = source {
        refuse_nameless(&table.path, &connector, source, faults);
    }
    Some(Arc::new(connector))
}

fn of_mapping(node: Node, faults: &mut Vec<Fault>) -> Option<Connector> {
    if !node.is_table() {
        faults.push(node.expected("true, or a mapping such as {ca: /tls/ca.crt}"));
        return None;
    }
    let mut table = node.table(faults)?;
    let ca = table.take("ca").and_then(|node| node.text(faults));
    let name = table.take("name").and_then(|node| node.parse(name, faults));
    let path = table.path.clone();
    table.finish(faults);
    connect(&path, ca.as_deref(), name, faults)
}

fn connect(
    path: &str,
    ca: Option<&str>,
    name: Option<ServerName<'static>>,
    faults: &mut Vec<Fault>,
) -> Option<Connector> {
    let fault = |fault: TrustFault| match ca {
        Some(_) => Fault::new(format!("{path}.ca"), fault.to_string()),
        None => Fault::new(path, fault.to_string()),
    };
    Connector::read(ca.map(Path::new), name)
        .map_err(|error| faults.push(fault(error)))
        .ok()
}

/// A worker that is listed must have a name to be checked by.
fn refuse_nameless(path: &str, connector: &Connector, source: &Source, faults: &mut Vec<Fault>) {
    let known = source.known().endpoints;
    let nameless = known
        .iter()
        .find_map(|worker| connector.name_of(&worker.address).err());
    faults.extend(nameless.map(|error| Fault::new(format!("{path}.tls"), error.to_string())));
}

fn name(text: &str) -> Result<ServerName<'static>, &'static str> {
    ServerName::try_from(text.to_owned())
        .map_err(|_| "expected the name in the workers' certificate, such as synapse.internal")
}
