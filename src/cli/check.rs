//! `thalamus check`: is this configuration sound?

use std::{path::Path, process::ExitCode};

use crate::config::{self, Settings};

/// Prints all faults, or one line that says what was found; warnings go to stderr.
pub(super) fn check(file: &Path) -> anyhow::Result<ExitCode> {
    match config::load(file) {
        Ok(settings) => {
            for warning in config::warnings(&settings) {
                eprintln!("{}: warning: {warning}", file.display());
            }
            println!("{}: sound: {}", file.display(), summary(&settings));
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => {
            println!("{faults}");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn summary(settings: &Settings) -> String {
    let listed = settings
        .pools
        .iter()
        .map(|pool| pool.source.known().endpoints.len());
    [
        count(settings.pools.len(), "pool"),
        count(listed.sum(), "worker"),
        count(settings.listeners.len(), "listener"),
    ]
    .join(", ")
}

fn count(number: usize, word: &str) -> String {
    match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    }
}
