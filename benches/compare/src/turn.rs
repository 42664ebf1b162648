//! One comparison at a time: two on the same cores would measure each other.

use std::fs::{File, TryLockError};

use anyhow::{Context, Result};

/// Waits until no other comparison runs; ours has its turn until this is dropped.
#[derive(Debug)]
pub struct Turn {
    _lock: File,
}

impl Turn {
    /// Waits for it.
    pub fn wait() -> Result<Turn> {
        let path = std::env::temp_dir().join("thalamus-compare.lock");
        let lock = File::create(&path).with_context(|| format!("make {}", path.display()))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {
                eprintln!("waiting for another comparison to end");
                lock.lock()?;
            }
            outcome => outcome.context("lock")?,
        }
        Ok(Turn { _lock: lock })
    }
}
