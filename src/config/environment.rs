//! Variables of the environment that override keys.
//!
//! The `config` crate's own reader lower-cases every key, so a pool named `Sync-EU` could not be reached; this one
//! looks for the key that is there.

use config::{File, FileFormat, Map, Source, Value, ValueKind};

use super::Fault;

const PREFIX: &str = "THALAMUS_";

/// The variables of this process.
pub(super) fn variables() -> Vec<(String, String)> {
    let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os()
        .map(|(name, value)| (lossy(name), lossy(value)))
        .collect()
}

/// Puts the variables that are ours into `root`; a parent goes before its children.
pub(super) fn apply(
    root: &mut Value,
    variables: impl IntoIterator<Item = (String, String)>,
    faults: &mut Vec<Fault>,
) {
    let mut ours: Vec<_> = variables
        .into_iter()
        .filter(|(name, text)| is_ours(name, text))
        .collect();
    ours.sort();
    for (name, text) in ours {
        let keys: Vec<&str> = name[PREFIX.len()..]
            .trim_start_matches('_')
            .split("__")
            .collect();
        match place(root, &keys) {
            Ok(place) => *place = owned(&name, yaml(&text)),
            Err(message) => faults.push(Fault {
                variable: Some(name),
                ..Fault::new("", message)
            }),
        }
    }
}

/// Kubernetes gives every pod variables for each Service, and one may be called `thalamus`: those are no keys of ours.
fn is_ours(name: &str, text: &str) -> bool {
    let Some(key) = name.strip_prefix(PREFIX) else {
        return false;
    };
    let of_service = key.ends_with("SERVICE_HOST")
        || key.contains("SERVICE_PORT")
        || key.contains("_TCP_")
        || key.contains("_UDP_")
        || text.starts_with("tcp://")
        || text.starts_with("udp://");
    !of_service && key != "LOG"
}

/// Finds or makes the place that `keys` lead to.
fn place<'a>(root: &'a mut Value, keys: &[&str]) -> Result<&'a mut Value, String> {
    keys.iter().try_fold(root, |value, key| step(value, key))
}

fn step<'a>(value: &'a mut Value, key: &str) -> Result<&'a mut Value, String> {
    let index = key.parse::<usize>().ok();
    match &value.kind {
        ValueKind::Array(_) | ValueKind::Table(_) => {}
        ValueKind::Nil if index.is_some() => value.kind = ValueKind::Array(Vec::new()),
        _ => value.kind = ValueKind::Table(Map::new()),
    }
    match &mut value.kind {
        ValueKind::Array(items) => item(
            items,
            index.ok_or("after a list comes the number of an item, from 0")?,
        ),
        ValueKind::Table(table) => Ok(entry(table, key)),
        _ => unreachable!("it was made a list or a mapping above"),
    }
}

fn item(items: &mut Vec<Value>, index: usize) -> Result<&mut Value, String> {
    if index == items.len() {
        items.push(Value::default());
    }
    let length = items.len();
    items
        .get_mut(index)
        .ok_or_else(|| format!("there is no item {index}; the list has {length}"))
}

fn entry<'a>(table: &'a mut Map<String, Value>, key: &str) -> &'a mut Value {
    let known = table.keys().find(|known| same(known, key)).cloned();
    table
        .entry(known.unwrap_or_else(|| key.to_lowercase()))
        .or_default()
}

fn same(known: &str, key: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace(['-', '.'], "_");
    plain(known) == plain(key)
}

/// The text read as YAML; what is no YAML is a text.
fn yaml(text: &str) -> ValueKind {
    let document = format!("value: {text}");
    File::from_str(&document, FileFormat::Yaml)
        .collect()
        .ok()
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.shift_remove("value"))
        .map_or_else(|| text.into(), |value| value.kind)
}

/// Notes that `variable` wrote this, on each value in it.
fn owned(variable: &str, kind: ValueKind) -> Value {
    let again = |value: Value| owned(variable, value.kind);
    let kind = match kind {
        ValueKind::Array(items) => ValueKind::Array(items.into_iter().map(again).collect()),
        ValueKind::Table(table) => ValueKind::Table(
            table
                .into_iter()
                .map(|(key, value)| (key, again(value)))
                .collect(),
        ),
        kind => kind,
    };
    Value::new(Some(&variable.to_owned()), kind)
}
