//! The configurations in `peers/`, filled in for one phase.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::listen::free_address;
use crate::standin::{Standin, WORKERS};

/// What a proxy does beside relaying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    Nothing,
    /// One line a request, to a file.
    AccessLog,
    /// TLS, with HTTP/2 for those who ask.
    Tls,
    /// gzip for JSON.
    Compression,
}

/// What takes the place of the words between @ in a template, and which of its lines stand.
///
/// A line that begins with `@tls:` stands only when the proxy runs with TLS; so with the other words of [`words`].
#[derive(Debug)]
pub struct Template<'a> {
    pub dir: &'a Path,
    pub listen: SocketAddr,
    pub standin: &'a Standin,
    pub with: With,
}

impl Template<'_> {
    /// Writes the filled `template` as `name`; returns where.
    pub fn write(&self, name: &str, template: &str) -> Result<PathBuf> {
        let path = self.dir.join(name);
        let text = self.fill(&standing(template, words(self.with)))?;
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    fn fill(&self, template: &str) -> Result<String> {
        let mut text = template
            .replace("@dir@", &self.dir.display().to_string())
            .replace("@listen@", &self.listen.to_string())
            .replace("@admin@", &free_address()?.to_string())
            .replace("@connections@", "9000");
        for worker in WORKERS {
            text = text.replace(
                &format!("@{worker}@"),
                &self.standin.address(worker).to_string(),
            );
        }
        Ok(text)
    }
}

/// The words of the lines that stand.
fn words(with: With) -> &'static [&'static str] {
    match with {
        With::Nothing => &["plain", "quiet"],
        With::AccessLog => &["plain", "log"],
        With::Tls => &["tls", "quiet"],
        With::Compression => &["plain", "quiet", "gzip"],
    }
}

fn standing(template: &str, words: &[&str]) -> String {
    let mut text = String::with_capacity(template.len());
    for line in template.lines() {
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        let named = rest
            .strip_prefix('@')
            .and_then(|rest| rest.split_once(": "));
        let stands = match named {
            Some((word, rest)) => words.contains(&word).then_some(rest.trim_start()),
            None => Some(rest),
        };
        if let Some(rest) = stands {
            text.extend([indent, rest, "\n"]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stands_with_its_word_only() {
        let template = "a\n  @tls:   b @listen@\n  @plain: c\n";
        assert_eq!(standing(template, words(With::Nothing)), "a\n  c\n");
        assert_eq!(standing(template, words(With::Tls)), "a\n  b @listen@\n");
    }
}
