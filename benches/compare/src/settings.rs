//! How much to do, and for how long at most.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::args::Args;
use crate::limits;

/// A client's end of TLS takes memory, too.
const PARKED_TLS: usize = 4_000;

/// The amounts of a run.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Settings {
    /// Rounds of each phase.
    pub rounds: u32,
    /// Requests before measuring begins.
    pub warm_up: usize,
    /// Requests measured in a round.
    pub requests: usize,
    /// Syncs parked at once.
    pub parked: usize,
    /// Syncs parked at once over TLS.
    pub parked_tls: usize,
    /// TLS handshakes of each kind measured in a round.
    pub handshakes: usize,
    /// How long all of it may take.
    #[serde(skip)]
    pub limit: Duration,
}

impl Settings {
    /// What was asked for, as far as the limit of open files allows it.
    pub fn new(args: &Args) -> Result<Settings> {
        let files = limits::open_all_files()?;
        // The load's and the stand-in workers' ends of every connection are ours.
        let most = usize::try_from(files.saturating_sub(1_000) / 2).unwrap_or(usize::MAX);
        ensure!(
            args.parked <= most,
            "the limit of {files} open files allows --parked {most} at most"
        );
        let (rounds, requests, limit) = match args.quick {
            true => (3, 12_000, 160),
            false => (9, 20_000, 680),
        };
        let requests = args.requests.unwrap_or(requests);
        Ok(Settings {
            rounds: args.rounds.unwrap_or(rounds),
            warm_up: 2_000,
            requests,
            parked: args.parked,
            parked_tls: args.parked.min(PARKED_TLS),
            // They cost about ten requests each.
            handshakes: requests.div_ceil(10),
            limit: Duration::from_secs(limit),
        })
    }
}
