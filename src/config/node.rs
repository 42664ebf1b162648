//! The loose shape: a value, where it stands, and who wrote it there.

use std::fmt::Display;

use config::{Value, ValueKind};

use super::{Fault, fault::suggest};

/// A value with its path. What is asked of it and fails is a fault, written down at once.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) path: String,
    variable: Option<String>,
    kind: ValueKind,
}

/// A mapping whose keys are taken one by one; those left over are unknown.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) path: String,
    entries: Vec<(String, Node)>,
    known: Vec<&'static str>,
}

impl Node {
    /// The whole configuration.
    pub(super) fn root(value: Value) -> Self {
        Self::new(String::new(), value)
    }

    fn new(path: String, value: Value) -> Self {
        Self {
            path,
            variable: value.origin().map(Into::into),
            kind: value.kind,
        }
    }

    /// A fault of this value.
    pub(super) fn fault(&self, message: impl Into<String>) -> Fault {
        Fault {
            variable: self.variable.clone(),
            ..Fault::new(&self.path, message)
        }
    }

    /// True for a text.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.kind, ValueKind::String(_))
    }

    /// True for a mapping.
    pub(super) fn is_table(&self) -> bool {
        matches!(self.kind, ValueKind::Table(_))
    }

    /// A mapping.
    pub(super) fn table(self, faults: &mut Vec<Fault>) -> Option<Table> {
        let ValueKind::Table(entries) = self.kind else {
            faults.push(self.expected("a mapping"));
            return None;
        };
        let nodes = entries.into_iter().map(|(key, value)| {
            let path = under(&self.path, &key);
            (key, Self::new(path, value))
        });
        Some(Table {
            entries: nodes.collect(),
            path: self.path,
            known: Vec::new(),
        })
    }

    /// A list.
    pub(super) fn list(self, faults: &mut Vec<Fault>) -> Option<Vec<Self>> {
        let ValueKind::Array(items) = self.kind else {
            faults.push(self.expected("a list"));
            return None;
        };
        let nodes = items.into_iter().enumerate();
        Some(
            nodes
                .map(|(index, value)| Self::new(format!("{}[{index}]", self.path), value))
                .collect(),
        )
    }

    /// True or false.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self.kind {
            ValueKind::Boolean(value) => Some(value),
            _ => None,
        }
    }

    /// True for a list.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.kind, ValueKind::Array(_))
    }

    /// Anything, as JSON.
    pub(super) fn json(self) -> serde_json::Value {
        json(self.kind)
    }

    /// The items of a list; what is no list is the only item.
    pub(super) fn items(self) -> Vec<Self> {
        match self.kind {
            ValueKind::Array(_) => self.list(&mut Vec::new()).unwrap_or_default(),
            _ => vec![self],
        }
    }

    /// A text.
    pub(super) fn text(self, faults: &mut Vec<Fault>) -> Option<String> {
        match self.kind {
            ValueKind::String(text) => Some(text),
            _ => {
                faults.push(self.expected("a text"));
                None
            }
        }
    }

    /// A text, or a number that is meant as one; nothing where nothing is written.
    pub(super) fn word(self, faults: &mut Vec<Fault>) -> Option<String> {
        match self.kind {
            ValueKind::Nil => None,
            ValueKind::I64(number) => Some(number.to_string()),
            _ => self.text(faults).filter(|text| !text.is_empty()),
        }
    }

    /// A text that `read` makes something of.
    pub(super) fn parse<T, E: Display>(
        self,
        read: impl FnOnce(&str) -> Result<T, E>,
        faults: &mut Vec<Fault>,
    ) -> Option<T> {
        let fault = self.fault("");
        let text = self.text(faults)?;
        let refused = |error: E| Fault {
            message: format!("`{text}`: {error}"),
            ..fault
        };
        read(&text)
            .map_err(|error| faults.push(refused(error)))
            .ok()
    }

    /// A text that `read` makes something of, and that no fault repeats.
    pub(super) fn secret<T>(
        self,
        read: impl FnOnce(&str) -> Result<T, &'static str>,
        faults: &mut Vec<Fault>,
    ) -> Option<T> {
        let fault = self.fault("");
        let refused = |message: &str| Fault {
            message: message.into(),
            ..fault
        };
        let ValueKind::String(text) = self.kind else {
            faults.push(refused("expected a text; put it in quotes"));
            return None;
        };
        read(&text)
            .map_err(|message| faults.push(refused(message)))
            .ok()
    }

    /// A number, whole or not.
    pub(super) fn number(self, faults: &mut Vec<Fault>) -> Option<f64> {
        let number = match self.kind {
            ValueKind::I64(number) => Some(number as f64),
            ValueKind::Float(number) => Some(number),
            _ => None,
        };
        if number.is_none() {
            faults.push(self.expected("a number"));
        }
        number
    }

    /// A whole number.
    pub(super) fn whole(self, faults: &mut Vec<Fault>) -> Option<i64> {
        match self.kind {
            ValueKind::I64(number) => Some(number),
            _ => {
                faults.push(self.expected("a whole number"));
                None
            }
        }
    }

    /// The fault of a value that is not `what`.
    pub(super) fn expected(&self, what: &str) -> Fault {
        let found = match &self.kind {
            ValueKind::Nil => "nothing".into(),
            ValueKind::Boolean(value) => format!("`{value}`; put it in quotes if it is a text"),
            ValueKind::Float(number) => format!("the number {number}{}", quote(what)),
            ValueKind::I64(number) => format!("the number {number}{}", quote(what)),
            ValueKind::String(text) => format!("the text `{text}`"),
            ValueKind::Table(_) => "a mapping".into(),
            ValueKind::Array(_) => "a list".into(),
            _ => "a number out of range".into(),
        };
        self.fault(format!("expected {what}, found {found}"))
    }
}

impl Table {
    /// The value of a key.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        let index = self.entries.iter().position(|(name, _)| name == key)?;
        Some(self.entries.remove(index).1)
    }

    /// The value of a key that must be there; `way_out` says what to write.
    pub(super) fn require(
        &mut self,
        key: &'static str,
        way_out: &str,
        faults: &mut Vec<Fault>,
    ) -> Option<Node> {
        let node = self.take(key);
        if node.is_none() {
            faults.push(Fault::new(
                under(&self.path, key),
                format!("missing; {way_out}"),
            ));
        }
        node
    }

    /// All entries in the file's order, whatever their keys.
    pub(super) fn into_entries(self) -> Vec<(String, Node)> {
        self.entries
    }

    /// Ends the mapping: what nobody asked for is unknown.
    pub(super) fn finish(self, faults: &mut Vec<Fault>) {
        let unknown = |(key, node): &(String, Node)| {
            node.fault(format!("unknown key; {}", suggest(key, &self.known)))
        };
        faults.extend(self.entries.iter().map(unknown));
    }
}

fn json(kind: ValueKind) -> serde_json::Value {
    match kind {
        ValueKind::Nil => serde_json::Value::Null,
        ValueKind::Boolean(value) => value.into(),
        ValueKind::I64(number) => number.into(),
        ValueKind::Float(number) => number.into(),
        ValueKind::String(text) => text.into(),
        ValueKind::Table(entries) => entries
            .into_iter()
            .map(|(key, value)| (key, json(value.kind)))
            .collect(),
        ValueKind::Array(items) => items.into_iter().map(|value| json(value.kind)).collect(),
        other => other.to_string().into(),
    }
}

/// An empty key is written as YAML writes it, so that it can be found.
fn under(path: &str, key: &str) -> String {
    let key = if key.is_empty() { "''" } else { key };
    match path {
        "" => key.into(),
        _ => format!("{path}.{key}"),
    }
}

fn quote(what: &str) -> &'static str {
    match what {
        "a text" => "; put it in quotes",
        _ => "",
    }
}
