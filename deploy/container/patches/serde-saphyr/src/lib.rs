//! YAML into serde's shapes, by the reader that our configuration has: kube reads kubeconfig files and what credential
//! plugins say with it. The real crate is a second reader of YAML, a megabyte for two functions.

use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};
use yaml_rust2::{ScanError, Yaml, YamlLoader};

/// Why a text is no use. Nothing of the text is repeated: tokens stand in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no YAML.
    #[error("no YAML at line {}, column {}", .0.marker().line(), .0.marker().col() + 1)]
    Yaml(ScanError),
    /// It is no text.
    #[error("{0}")]
    Text(#[from] std::str::Utf8Error),
    /// It says something else than was asked for.
    #[error("{}", wanted(&.0.to_string()))]
    Shape(#[from] serde_json::Error),
    /// A key that is no text, or a value that is none.
    #[error("a key or a value that YAML has and JSON has not")]
    Foreign,
}

/// serde says what it found, then what it expected.
fn wanted(message: &str) -> String {
    match message.rsplit_once(", expected ") {
        Some((_, wanted)) => format!("a value is of the wrong kind: expected {wanted}"),
        None if message.starts_with("missing field") => message.into(),
        None => "a value cannot be read".into(),
    }
}

/// The only document of a text.
///
/// # Errors
/// When it is no YAML, or of another shape.
pub fn from_slice<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    let documents = YamlLoader::load_from_str(std::str::from_utf8(text)?).map_err(Error::Yaml)?;
    let only = documents.into_iter().next().unwrap_or(Yaml::Null);
    Ok(serde_json::from_value(json(only)?)?)
}

/// All documents of a text; empty ones count for nothing.
///
/// # Errors
/// As [`from_slice`].
pub fn from_multiple<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, Error> {
    let documents = YamlLoader::load_from_str(text).map_err(Error::Yaml)?;
    let whole = documents
        .into_iter()
        .filter(|document| *document != Yaml::Null);
    whole
        .map(|document| Ok(serde_json::from_value(json(document)?)?))
        .collect()
}

fn json(yaml: Yaml) -> Result<Value, Error> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Boolean(is) => is.into(),
        Yaml::Integer(number) => number.into(),
        Yaml::Real(text) => {
            let number = text.parse().ok().and_then(Number::from_f64);
            number.map_or(Value::String(text), Value::Number)
        }
        Yaml::String(text) => text.into(),
        Yaml::Array(items) => Value::Array(items.into_iter().map(json).collect::<Result<_, _>>()?),
        Yaml::Hash(entries) => {
            let entry = |(key, value): (Yaml, Yaml)| {
                Ok::<_, Error>((key.into_string().ok_or(Error::Foreign)?, json(value)?))
            };
            let entries = entries.into_iter().map(entry);
            Value::Object(entries.collect::<Result<Map<_, _>, _>>()?)
        }
        Yaml::Alias(_) | Yaml::BadValue => return Err(Error::Foreign),
    })
}
