//! The programs that take part: found, built or installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::proxy::Proxy;
use crate::{install, thalamus};

/// Where each program is; an empty path when it takes no part.
#[derive(Debug)]
pub struct Programs {
    pub thalamus: PathBuf,
    pub nginx: PathBuf,
    pub haproxy: PathBuf,
}

impl Programs {
    /// Finds, builds or installs what `proxies` need, and nothing else.
    pub fn ready(proxies: &[Proxy], named: Option<&Path>) -> Result<Programs> {
        let takes_part = |proxy| proxies.contains(&proxy);
        let mut programs = Programs {
            thalamus: PathBuf::new(),
            nginx: PathBuf::new(),
            haproxy: PathBuf::new(),
        };
        if takes_part(Proxy::Nginx) {
            programs.nginx = install::found_or_installed("nginx", "nginx-light")?;
        }
        if takes_part(Proxy::Haproxy) {
            programs.haproxy = install::found_or_installed("haproxy", "haproxy")?;
        }
        if takes_part(Proxy::Thalamus) {
            programs.thalamus = thalamus::named_or_built(named)?;
        }
        Ok(programs)
    }

    /// What each program that takes part calls itself.
    pub fn versions(&self) -> Vec<String> {
        let all = [
            (&self.thalamus, "--version"),
            (&self.nginx, "-v"),
            (&self.haproxy, "-v"),
        ];
        let present = all
            .into_iter()
            .filter(|(path, _)| !path.as_os_str().is_empty());
        present.map(|(path, flag)| version(path, flag)).collect()
    }
}

/// The first line it prints for `flag`.
fn version(program: &Path, flag: &str) -> String {
    let Ok(output) = Command::new(program).arg(flag).output() else {
        return format!("{}: version unknown", program.display());
    };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    text.lines().next().unwrap_or_default().trim().to_owned()
}
