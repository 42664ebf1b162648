//! What is wrong with a configuration, where, and the way out.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key, such as `pools.sync.workers[1].address`; empty for the file as a whole.
    pub path: String,
    /// The variable of the environment that set it.
    pub variable: Option<String>,
    /// What is wrong, and the way out.
    pub message: String,
}

/// All faults of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// The file.
    pub file: PathBuf,
    /// At least one.
    pub faults: Vec<Fault>,
}

impl Fault {
    /// A fault of the key at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            variable: None,
            message: message.into(),
        }
    }
}

impl Faults {
    pub(super) fn new(file: &Path, faults: Vec<Fault>) -> Self {
        Self {
            file: file.into(),
            faults,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.path.as_str(), &self.variable) {
            ("", None) => {}
            (path, None) => write!(f, "{path}: ")?,
            ("", Some(variable)) => write!(f, "{variable}: ")?,
            (path, Some(variable)) => write!(f, "{path} (from {variable}): ")?,
        }
        f.write_str(&self.message)
    }
}

/// One line for each fault, then how many there are.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.faults.as_slice() {
            [fault] => write!(f, "{file}: {fault}"),
            faults => {
                faults
                    .iter()
                    .try_for_each(|fault| writeln!(f, "{file}: {fault}"))?;
                write!(f, "{file}: {} faults", faults.len())
            }
        }
    }
}

impl std::error::Error for Faults {}

/// Points to what was probably meant by `word`: the nearest of `known`, or all of them.
pub(super) fn suggest(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known: {}", known.join(", ")),
    }
}

fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase().replace('-', "_");
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&word, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4 && *distance < name.len())
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_near() {
        let known = ["address", "trusted_proxies", "tls", "sync"];
        assert_eq!(nearest("adress", &known), Some("address"));
        assert_eq!(nearest("Trusted-Proxy", &known), Some("trusted_proxies"));
        assert_eq!(nearest("snyc", &known), Some("sync"));
        assert_eq!(nearest("port", &known), None);
        assert_eq!(suggest("port", &["a", "b"]), "known: a, b");
    }

    #[test]
    fn says_where_and_how_many() {
        let mut one = Fault::new("admin.address", "no port");
        one.variable = Some("THALAMUS_ADMIN__ADDRESS".into());
        let line = "x.yaml: admin.address (from THALAMUS_ADMIN__ADDRESS): no port";
        assert_eq!(
            Faults::new(Path::new("x.yaml"), vec![one.clone()]).to_string(),
            line
        );
        let two = Faults::new(Path::new("x.yaml"), vec![one, Fault::new("", "odd")]).to_string();
        assert_eq!(two, format!("{line}\nx.yaml: odd\nx.yaml: 2 faults"));
    }
}
