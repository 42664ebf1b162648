//! `thalamus check`: is this configuration sound?

use std::{path::Path, process::ExitCode};

use crate::{
    config::{self, Settings},
    route::{Regex, Rule},
};

/// What a file cannot tell.
pub(super) const BY_LABELS: &str = "pools that Services make by their labels are known to a running Thalamus only: explain --admin URL asks it";

/// Prints all faults, or one line that says what was found; warnings go to stderr.
pub(super) fn check(file: &Path) -> anyhow::Result<ExitCode> {
    match config::load(file) {
        Ok(settings) => {
            for warning in config::warnings(&settings) {
                eprintln!("{}: warning: {warning}", file.display());
            }
            println!("{}: sound: {}", file.display(), summary(&settings));
            if settings.labels.is_some() {
                println!("{}: {BY_LABELS}", file.display());
            }
            for rule in settings.policy.rules.iter() {
                for (of, regex) in rule.when.regexes() {
                    println!("{}: {}", file.display(), cost(rule, of, regex));
                }
            }
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

/// What a regular expression costs, and when it is paid.
fn cost(rule: &Rule, of: &str, regex: &Regex) -> String {
    let size = regex.size().div_ceil(1024);
    let often = match rule.when.is_narrowed() {
        true => "run when the rule's other conditions hold",
        false => "run for every request that reaches the rule, as nothing cheaper narrows it",
    };
    format!(
        "rule {}: {of} `{regex}`: {size} KiB compiled, {often}",
        rule.name
    )
}

fn count(number: usize, word: &str) -> String {
    match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    }
}
