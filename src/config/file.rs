//! From a file's path to its YAML.

use std::{io, path::Path};

use config::{ConfigError, File, FileFormat, Map, Source, Value, ValueKind};

use super::Fault;

/// The text of the file.
pub(super) fn read(path: &Path) -> Result<String, Fault> {
    std::fs::read_to_string(path).map_err(|error| Fault::new("", unreadable(&error)))
}

/// The file's mapping; an empty file is an empty one.
pub(super) fn value(text: &str) -> Result<Value, Fault> {
    let table = File::from_str(text, FileFormat::Yaml).collect();
    match table {
        Ok(table) => Ok(Value::new(None, ValueKind::Table(table))),
        Err(_) if is_empty(text) => Ok(Value::new(None, ValueKind::Table(Map::new()))),
        Err(ConfigError::FileParse { cause, .. }) => {
            Err(Fault::new("", not_yaml(&cause.to_string())))
        }
        Err(error) => Err(Fault::new("", not_yaml(&error.to_string()))),
    }
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => {
            "we may not read this file; give its user or group the right to".into()
        }
        io::ErrorKind::IsADirectory => "this is a directory, not a file".into(),
        io::ErrorKind::InvalidData => "this file is not UTF-8 text".into(),
        _ => format!("cannot read this file: {error}"),
    }
}

/// The parser ends its message with `at byte B line L column C`; the byte helps nobody.
fn not_yaml(message: &str) -> String {
    let place = message.rsplit_once(" at byte ").and_then(|(what, place)| {
        let (line, column) = place.split_once(" line ")?.1.split_once(" column ")?;
        Some((what, line, column))
    });
    match place {
        Some((what, line, column)) => format!("line {line}, column {column}: {}", explain(what)),
        None if message.starts_with("invalid type") => {
            "the file must be a mapping, such as `listeners: ...`".into()
        }
        None => format!("not YAML: {message}"),
    }
}

/// Says what the parser's words for the commonest slips mean.
fn explain(what: &str) -> String {
    match what.rsplit_once(": duplicated key in mapping") {
        Some((key, _)) => match key.split('"').nth(1) {
            Some(name) => format!("the key `{name}` stands here for the second time; keep one"),
            None => format!("a key stands here for the second time: {key}"),
        },
        None if what.contains("tab") => format!("{what} (indent with spaces)"),
        None => what.into(),
    }
}

fn is_empty(text: &str) -> bool {
    text.lines()
        .map(str::trim)
        .all(|line| line.is_empty() || line.starts_with('#') || line == "---")
}
