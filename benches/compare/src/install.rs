//! Finds the peers' programs, and installs Debian's when they are missing and we may.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Where `program` of Debian package `package` is; installs it first if need be.
pub fn found_or_installed(program: &str, package: &str) -> Result<PathBuf> {
    if let Some(path) = find(program) {
        return Ok(path);
    }
    ensure!(
        rustix::process::geteuid().is_root(),
        "{program} is missing: run `apt-get install --no-install-recommends {package}` as root, or run this as root"
    );
    install(package)?;
    find(program).with_context(|| format!("{package} is installed and {program} is still missing"))
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/local/sbin", "/usr/sbin"].map(PathBuf::from);
    let mut places = std::env::split_paths(&path).chain(sbin);
    places.find_map(|place| Some(place.join(program)).filter(|path| path.is_file()))
}

fn install(package: &str) -> Result<()> {
    eprintln!("installing {package}");
    let _quiet = NoServices::begin()?;
    if apt(&["install", "-y", "--no-install-recommends", package]).is_err() {
        apt(&["update"])?;
        apt(&["install", "-y", "--no-install-recommends", package])?;
    }
    Ok(())
}

fn apt(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(["-qq", "-o", "DPkg::Lock::Timeout=120"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .context("run apt-get")?;
    match status.success() {
        true => Ok(()),
        false => bail!("apt-get {} failed", arguments.join(" ")),
    }
}

/// While this lives, a fresh package starts no service of its own.
struct NoServices {
    ours: bool,
}

impl NoServices {
    fn begin() -> Result<NoServices> {
        let ours = !Path::new(POLICY).exists();
        if ours {
            fs::write(POLICY, "#!/bin/sh\nexit 101\n")
                .with_context(|| format!("write {POLICY}"))?;
            fs::set_permissions(POLICY, Permissions::from_mode(0o755))?;
        }
        Ok(NoServices { ours })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours {
            let _ = fs::remove_file(POLICY);
        }
    }
}
