//! A directory for configurations and logs, gone when we are.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Dropping it removes it.
#[derive(Debug)]
pub struct Workdir {
    path: PathBuf,
}

impl Workdir {
    /// Makes it among the system's temporary files.
    pub fn new() -> Result<Workdir> {
        let path = std::env::temp_dir().join(format!("thalamus-compare-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("make {}", path.display()))?;
        Ok(Workdir { path })
    }

    /// An empty directory called `name` inside.
    pub fn fresh(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir(&path).with_context(|| format!("make {}", path.display()))?;
        Ok(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Workdir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
