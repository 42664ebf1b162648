//! `thalamus health`: is a running Thalamus well?

use std::{
    io::{Write, stdout},
    process::ExitCode,
};

use clap::Args;

use super::ask::Admin;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  thalamus health --admin http://127.0.0.1:9090
  thalamus health --admin http://127.0.0.1:9090 --ready

The exit code is 0 when it is well and 1 when it is not, or does not answer within 10 s: an image without a shell
needs no other program for its health check.")]
pub(super) struct Health {
    /// The admin address of the running Thalamus
    #[arg(long, value_name = "URL")]
    admin: Admin,
    /// Asks whether it can serve, not only whether it turns
    #[arg(long)]
    ready: bool,
}

impl Health {
    /// Prints what it says.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        writeln!(stdout(), "{}", self.admin.health(self.ready)?)?;
        Ok(ExitCode::SUCCESS)
    }
}
