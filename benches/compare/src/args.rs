//! What the command is asked to do.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::proxy::Proxy;

/// Compares Thalamus with nginx, HAProxy, a plain hyper proxy and the floor.
///
/// Each proxy runs alone on core 0; load and stand-in workers share core 1; rounds are interleaved.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: cargo run --release --manifest-path benches/compare/Cargo.toml -- --quick --only cpu"
)]
pub struct Args {
    /// A proxy to be, not something to compare.
    #[command(subcommand)]
    pub role: Option<Role>,
    /// Rounds of each phase [default: 9, quick: 3]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: Option<u32>,
    /// Fewer rounds and requests: three minutes instead of twelve
    #[arg(long)]
    pub quick: bool,
    /// Only these phases
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<Phase>,
    /// Only these sides
    #[arg(long, value_delimiter = ',')]
    pub proxies: Vec<Proxy>,
    /// Thalamus's binary; without it the release build of this checkout is made and used
    #[arg(long)]
    pub thalamus: Option<PathBuf>,
    /// Requests in a round [default: 20000, quick: 12000]
    #[arg(long)]
    pub requests: Option<usize>,
    /// Syncs to park; over TLS 4,000 at most
    #[arg(long, default_value_t = 7_500)]
    pub parked: usize,
    /// Also write the outcome to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// The sides that live in this program; started by the comparison itself.
#[derive(Debug, Subcommand)]
pub enum Role {
    /// A plain hyper proxy
    #[command(hide = true)]
    Hyper {
        listen: SocketAddr,
        worker: SocketAddr,
    },
    /// A relay that parses nothing
    #[command(hide = true)]
    Floor {
        listen: SocketAddr,
        worker: SocketAddr,
    },
}

/// One part of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Phase {
    /// CPU per request, answers with a Content-Length
    Cpu,
    /// The same at one rate for all sides
    Paced,
    /// CPU per request, chunked answers
    Chunked,
    /// CPU per request, access log on
    Log,
    /// Memory per parked sync
    Memory,
    /// Start to listening
    Start,
    /// 100 MB each way
    Bodies,
    /// CPU per TLS handshake, full and resumed
    Handshakes,
    /// CPU per request over TLS
    Tls,
    /// Memory per parked sync over TLS
    TlsMemory,
    /// CPU per request over HTTP/2
    H2,
    /// Memory per parked sync over HTTP/2
    H2Memory,
    /// gzip of a 1 MB sync
    Gzip,
}
