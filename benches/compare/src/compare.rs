//! A whole run: every phase, round by round, each side in turn.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde_json::json;

use crate::args::{Args, Phase};
use crate::figures::Samples;
use crate::programs::Programs;
use crate::proxy::Proxy;
use crate::running::Running;
use crate::settings::Settings;
use crate::standin::Standin;
use crate::template::With;
use crate::tls::Identity;
use crate::turn::Turn;
use crate::workdir::Workdir;
use crate::{limits, report, stop};

/// What every phase needs.
#[derive(Debug)]
pub struct Bench {
    /// The workers behind every proxy.
    pub standin: Standin,
    /// How much to do.
    pub settings: Settings,
    /// What was measured so far.
    pub samples: Samples,
    /// Who every side is in TLS.
    pub identity: Identity,
    programs: Programs,
    workdir: Workdir,
}

impl Bench {
    /// Starts one side.
    pub fn start(&self, proxy: Proxy, with: With) -> Result<Running> {
        let dir = self.workdir.fresh(proxy.name())?;
        self.identity.write(&dir)?;
        Running::start(proxy.prepare(&self.programs, &self.standin, with, &dir)?)
    }
}

/// Compares and prints.
pub fn run(args: &Args) -> Result<()> {
    limits::need_two_cores()?;
    let proxies = chosen(&args.proxies, Proxy::value_variants());
    let settings = Settings::new(args)?;
    let programs = Programs::ready(&proxies, args.thalamus.as_deref())?;
    let _turn = Turn::wait()?;
    let load_before = limits::load_average();
    let versions = programs.versions();
    limits::run_on(limits::LOAD_CORE)?;
    let workdir = Workdir::new()?;
    stop::cleanly_when_told(workdir.path().to_owned())?;
    let mut bench = Bench {
        standin: Standin::start()?,
        settings,
        samples: Samples::default(),
        identity: Identity::new()?,
        programs,
        workdir,
    };
    take_all(&mut bench, &chosen(&args.only, &Phase::ALL), &proxies)?;
    println!("{}", report::text(&bench.samples, &proxies));
    let load = [load_before, limits::load_average()];
    println!("{}", other_work(load));
    if let Some(path) = &args.json {
        let about = json!({ "versions": versions, "settings": settings, "load_average": load });
        let json = report::json(&bench.samples, &proxies, about);
        fs::write(path, format!("{json:#}\n"))
            .with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

fn other_work([before, after]: [f64; 2]) -> String {
    format!(
        "load average {before:.1} before, {after:.1} after; beyond 2, other work is in the figures"
    )
}

/// All phases, each within its share of the time.
fn take_all(bench: &mut Bench, phases: &[Phase], proxies: &[Proxy]) -> Result<()> {
    let begun = Instant::now();
    let share = bench.settings.limit / phases.len() as u32;
    for (done, &phase) in (1..).zip(phases) {
        take(bench, phase, proxies, begun + share * done)?;
    }
    Ok(())
}

/// One phase: in each round every side once, so that a noisy minute hits them all.
///
/// On a machine too slow for all rounds it ends at the deadline, with one round at least.
fn take(bench: &mut Bench, phase: Phase, proxies: &[Proxy], deadline: Instant) -> Result<()> {
    let rounds = phase.rounds(bench.settings.rounds);
    for round in 1..=rounds {
        let begun = Instant::now();
        for &proxy in proxies.iter().filter(|&&proxy| phase.includes(proxy)) {
            phase.measure(bench, proxy).with_context(|| {
                format!("{phase:?}, round {round} of {rounds}, {}", proxy.name())
            })?;
        }
        eprintln!(
            "{phase:?} {round}/{rounds}{}",
            latest(&bench.samples, phase, proxies)
        );
        let left = deadline.saturating_duration_since(Instant::now());
        if round < rounds && begun.elapsed() > left {
            eprintln!("{phase:?}: no time for more rounds");
            break;
        }
    }
    Ok(())
}

fn latest(samples: &Samples, phase: Phase, proxies: &[Proxy]) -> String {
    let figure = phase.figure();
    let of = |&proxy: &Proxy| {
        let value = samples.last(figure, proxy)?;
        Some(format!("  {} {value:.1}", proxy.name()))
    };
    proxies
        .iter()
        .filter_map(of)
        .chain([format!(" {}", figure.unit())])
        .collect()
}

fn chosen<T: Clone>(asked: &[T], all: &[T]) -> Vec<T> {
    if asked.is_empty() {
        all.to_vec()
    } else {
        asked.to_vec()
    }
}
