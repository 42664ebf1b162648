//! The documents below `/.well-known/matrix/` that we answer ourselves.

use serde_json::json;

use crate::{
    config::{
        Fault,
        node::{Node, Table},
    },
    proxy::WellKnown,
};

/// `well_known`.
pub(super) fn read(top: &mut Table, faults: &mut Vec<Fault>) -> WellKnown {
    let Some(mut table) = top.take("well_known").and_then(|node| node.table(faults)) else {
        return WellKnown::default();
    };
    let client = |url: &str| json!({ "m.homeserver": { "base_url": url } });
    let server = |name: &str| json!({ "m.server": name });
    let documents = WellKnown {
        client: document(
            table.take("client"),
            |text| url(text).map(|url| client(&url)),
            faults,
        ),
        server: document(table.take("server"), |text| name(text).map(server), faults),
        support: document(table.take("support"), |_| Err("expected a mapping"), faults),
    };
    table.finish(faults);
    documents
}

/// The document as it stands, or what `short` makes of one text.
fn document(
    node: Option<Node>,
    short: impl Fn(&str) -> Result<serde_json::Value, &'static str>,
    faults: &mut Vec<Fault>,
) -> Option<Box<str>> {
    let node = node?;
    let document = match node.is_text() {
        true => node.parse(short, faults)?,
        false if node.is_table() => node.json(),
        false => {
            faults.push(node.expected("a mapping, which is the document"));
            return None;
        }
    };
    Some(document.to_string().into())
}

/// A whole URL.
pub(super) fn url(text: &str) -> Result<Box<str>, &'static str> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()) => {
            Ok(text.into())
        }
        _ => Err("expected a URL such as https://matrix.example.org"),
    }
}

fn name(text: &str) -> Result<&str, &'static str> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
    plain
        .then_some(text)
        .ok_or("expected a server name with its port, such as matrix.example.org:443")
}
