//! The command line. Results go to stdout, the log to stderr; exit code 0 is fine, 1 means that the thing asked about
//! has faults, 2 wrong usage.

mod ask;
mod changes;
mod check;
mod demo;
mod explain;
mod health;
mod log;
mod run;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

/// The load balancer in front of the workers of a Matrix Synapse homeserver.
#[derive(Debug, Parser)]
#[command(name = "thalamus", version, after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  thalamus demo
  thalamus check --config thalamus.yaml
  thalamus run --config thalamus.yaml
  thalamus explain --config thalamus.yaml GET /_matrix/client/v3/sync

The log goes to stderr; THALAMUS_LOG sets its level, such as THALAMUS_LOG=debug.
Exit codes: 0 fine; 1 the thing asked about has faults; 2 wrong usage.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves until told to stop
    Run(Run),
    /// Prints every fault of a configuration at once
    Check(Check),
    /// Prints what would be done with a request, and why
    Explain(explain::Explain),
    /// Asks a running Thalamus how it is, for the health check of a container
    Health(health::Health),
    /// Shows the main job with nothing to set up: stand-in workers, simulated users, real sockets
    Demo(demo::Demo),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  thalamus run --config thalamus.yaml

SIGHUP loads the configuration again, and so does a change of its file; one with faults changes nothing.
SIGTERM stops it: /ready fails and new connections are served for `shutdown.delay`, then running requests may end
within `shutdown.grace`. Ctrl-c skips the delay. A second signal ends at once.
Variables override keys: THALAMUS_ADMIN__ADDRESS=0.0.0.0:9090 thalamus run --config thalamus.yaml")]
struct Run {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  thalamus check --config thalamus.yaml

Each fault is one line with the key's path and the way out. The exit code is 1 when there is one.")]
struct Check {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs the command that the arguments ask for.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(run) => run::run(&run.config),
        Command::Check(check) => check::check(&check.config),
        Command::Explain(explain) => explain.run(),
        Command::Health(health) => health.run(),
        Command::Demo(demo) => demo.run(),
    };
    done.unwrap_or_else(|error| failed(&error))
}

/// Says what failed; a reader of ours that left early, as `head` does, is no fault.
fn failed(error: &anyhow::Error) -> ExitCode {
    let pipe_closed = error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe);
    if pipe_closed {
        return ExitCode::SUCCESS;
    }
    eprintln!("thalamus: {error:#}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_fit_together_and_every_help_has_an_example() {
        let mut cli = Cli::command();
        cli.clone().debug_assert();
        for command in cli.get_subcommands_mut() {
            let help = command.render_long_help().to_string();
            assert!(help.contains("Example"), "{help}");
        }
    }
}
