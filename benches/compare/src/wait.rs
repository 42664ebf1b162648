//! Waiting for something to become true, within a limit.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

/// Asks every millisecond until `done` says yes or fails.
pub fn until(limit: Duration, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !done()? {
        ensure!(begun.elapsed() < limit, "waited {limit:?} in vain");
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
