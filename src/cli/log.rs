//! Our own log, on stderr.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// `h2` writes down each path and host that it cannot read, and tokens stand in paths: nobody can turn that on.
const NEVER: &str = "h2::server=off";

/// Starts the log; `THALAMUS_LOG` sets what it says.
pub(super) fn start() {
    let filter = EnvFilter::builder()
        .with_env_var("THALAMUS_LOG")
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy()
        .add_directive(NEVER.parse().expect("a target and a level"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .init();
}
