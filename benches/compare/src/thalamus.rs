//! Our own binary: the one named, or this checkout's release build.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Where Thalamus's binary is; builds it unless one was named.
pub fn named_or_built(named: Option<&Path>) -> Result<PathBuf> {
    match named {
        Some(path) => path
            .canonicalize()
            .with_context(|| format!("no Thalamus at {}", path.display())),
        None => build(),
    }
}

fn build() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--bin", "thalamus", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .status()
        .context("run cargo")?;
    ensure!(status.success(), "Thalamus does not build");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let binary = target.join("release/thalamus");
    binary
        .canonicalize()
        .with_context(|| format!("no Thalamus at {}", binary.display()))
}
