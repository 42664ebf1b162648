//! Paths of names, such as `$.credential.access_token`: kube looks with them for the token in what a credential plugin
//! of the old kind says. The real crate is a language with regular expressions, half a megabyte for one look-up.

use serde_json::Value;

/// A path that is more than names.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no path of names; write one such as `$.credential.access_token`")]
pub struct NoNames(String);

/// Values that can be looked into.
pub trait JsonPath {
    /// What stands at a path; nothing where it leads nowhere.
    ///
    /// # Errors
    /// When the path is more than names.
    fn query(&self, path: &str) -> Result<Vec<&Value>, NoNames>;
}

impl JsonPath for Value {
    fn query(&self, path: &str) -> Result<Vec<&Value>, NoNames> {
        let is_name = |name: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            !name.is_empty() && name.bytes().all(fits)
        };
        let names = path.strip_prefix("$.").map(|names| names.split('.'));
        let names = names.filter(|names| names.clone().all(is_name));
        let mut names = names.ok_or_else(|| NoNames(path.into()))?;
        let value = names.try_fold(self, |value, name| value.get(name));
        Ok(value.into_iter().collect())
    }
}
