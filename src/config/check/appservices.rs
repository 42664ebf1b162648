//! Registration files of application services: the same files that Synapse reads.

use crate::{
    config::{
        Fault, file,
        node::{Node, Table},
    },
    identity::{Appservice, Appservices, Secret},
    matrix::Localpart,
};

/// `appservices`, a list of files.
pub(super) fn read(node: Option<Node>, faults: &mut Vec<Fault>) -> Appservices {
    let files = node.and_then(|node| node.list(faults)).unwrap_or_default();
    let mut all: Vec<(String, Appservice)> = Vec::new();
    for node in files {
        let fault = node.fault("");
        let Some(name) = node.text(faults) else {
            continue;
        };
        let mut inside = Vec::new();
        if let Some(appservice) = registration(&name, &mut inside) {
            inside.extend(all.iter().filter_map(|(other, known)| {
                let (key, what) = shared(&appservice, known)?;
                Some(Fault::new(key, format!("{what} of {other} too")))
            }));
            all.push((name.clone(), appservice));
        }
        faults.extend(inside.into_iter().map(|found| Fault {
            message: format!("{name}: {found}"),
            ..fault.clone()
        }));
    }
    Appservices::new(all.into_iter().map(|(_, appservice)| appservice).collect())
}

fn registration(name: &str, faults: &mut Vec<Fault>) -> Option<Appservice> {
    let value = file::read(name.as_ref()).and_then(|text| file::value(&text));
    let value = value.map_err(|fault| faults.push(fault)).ok()?;
    let mut table = Node::root(value).table(faults)?;
    let id = required(&mut table, "id", faults);
    let token = required(&mut table, "as_token", faults);
    let sender = required(&mut table, "sender_localpart", faults);
    let prefix = prefix(&mut table, faults);
    let sender = localpart(&sender?).or_else(|| {
        let message = "expected 1 to 255 letters, digits, `_`, `-`, `.`, `~` or `/`";
        faults.push(Fault::new("sender_localpart", message));
        None
    });
    Some(Appservice {
        id: id?.into(),
        token: Secret::from(&*token?),
        sender: sender?,
        prefix: prefix.map(Into::into),
    })
}

/// Its paths (MSC4512), which Synapse takes only together with where they lead.
fn prefix(table: &mut Table, faults: &mut Vec<Fault>) -> Option<String> {
    let (key, other) = (
        "io.element.msc4512.proxy_prefix",
        "io.element.msc4512.proxy_url",
    );
    let (prefix, url) = (table.take(key), table.take(other));
    match (&prefix, &url) {
        (Some(alone), None) => faults.push(alone.fault(format!("Synapse needs `{other}` too"))),
        (None, Some(alone)) => faults.push(alone.fault(format!("Synapse needs `{key}` too"))),
        _ => {}
    }
    let [prefix, _] = [prefix, url].map(|node| text(node?, faults));
    prefix
}

fn required(table: &mut Table, key: &'static str, faults: &mut Vec<Fault>) -> Option<String> {
    let node = table.require(key, "Synapse needs it too", faults)?;
    text(node, faults)
}

/// Says nothing of what was found: it may be a token.
fn text(node: Node, faults: &mut Vec<Fault>) -> Option<String> {
    let fault =
        node.fault("expected a text that is not empty, in quotes if it looks like a number");
    let text = node.text(&mut Vec::new()).filter(|text| !text.is_empty());
    if text.is_none() {
        faults.push(fault);
    }
    text
}

/// What Python's `quote` leaves as it is, as Synapse demands (`synapse/config/appservice.py`).
fn localpart(text: &str) -> Option<Localpart> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.~/".contains(&byte);
    Localpart::new(text.as_bytes()).filter(|_| text.bytes().all(plain))
}

/// What two of them must not share.
fn shared(a: &Appservice, b: &Appservice) -> Option<(&'static str, &'static str)> {
    let overlap = |a: &str, b: &str| {
        let rest = a.strip_prefix(b);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match (&a.prefix, &b.prefix) {
        _ if a.id == b.id => Some(("id", "it is that")),
        _ if a.token == b.token => Some(("as_token", "it is that")),
        (Some(a), Some(b)) if overlap(a, b) || overlap(b, a) => {
            Some(("io.element.msc4512.proxy_prefix", "its paths are those"))
        }
        _ => None,
    }
}
