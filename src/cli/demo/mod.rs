//! `thalamus demo`: the main job with nothing to set up. Stand-in workers, simulated users, real sockets.

mod ask;
mod client;
mod crowd;
mod deployment;
mod dice;
mod house;
mod intro;
mod ledger;
mod places;
mod ports;
mod progress;
mod servers;
mod stand_in;
mod story;
mod summary;
mod token;
mod users;
mod workers;

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, anyhow, bail};
use tokio::runtime::Builder;

use self::{
    house::House,
    ledger::Ledger,
    story::{Script, Story, say},
    workers::Workers,
};
use crate::{
    app::{self, Running},
    config,
    net::Address,
};

const EXAMPLE: &str = "Example:
  thalamus demo --seconds 20

It needs no configuration and no Synapse: the workers and the users are simulated, the proxy between them is real.
The exit code is 1 when a request failed that should not, or a user was on two workers without a reason.";

/// What `thalamus demo` is asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Demo {
    /// Port for clients; 8080 when left out, or any free one
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Port of the status page; 9090 when left out, or any free one
    #[arg(long, value_name = "N")]
    admin_port: Option<u16>,
    /// Ends after that many seconds; otherwise ctrl-c does
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
}

impl Demo {
    /// Runs the demo to its end; fails when a request failed that should not.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime
            .context("start the demo's runtime")?
            .block_on(self.play())
    }

    async fn play(self) -> anyhow::Result<ExitCode> {
        let users = crowd::users();
        let mut workers = Workers::start(&Arc::new(House::new(users)))?;
        let app = self.start(&workers).await?;
        let (proxy, admin) = addresses(&app)?;
        say(&intro::intro(users, proxy, admin))?;

        let script = Script::new(self.seconds);
        let ledger = Arc::new(Ledger::new(users, house::ROOMS, crowd::SERVERS));
        let mut crowd = crowd::start(users, script.ramp, proxy, &ledger);
        let mut story = Story::new(script, &ledger, &mut workers);
        tokio::select! {
            told = story.tell() => told?,
            () = self.end() => {}
        }
        let seconds = story.seconds();
        crowd.shutdown().await;
        say(&summary::summary(seconds, &ledger))?;
        app.stop().await;
        Ok(match summary::is_well(&ledger) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }

    async fn start(&self, workers: &Workers) -> anyhow::Result<Running> {
        let port = ports::choose("--port", self.port, 8080)?;
        let admin = ports::choose("--admin-port", self.admin_port, 9090)?;
        let port_of = |name: &str| workers.named(name).address().port();
        let yaml = deployment::configuration(port, admin, port_of);
        let settings = config::parse(&yaml, [])
            .map_err(|faults| anyhow!("the demo's configuration: {faults:?}"))?;
        app::start(settings).await
    }

    async fn end(&self) {
        let seconds = self.seconds.map_or(Duration::MAX, Duration::from_secs);
        tokio::select! {
            () = tokio::time::sleep(seconds) => {}
            // Without a handler, ctrl-c ends the process by itself.
            Ok(()) = tokio::signal::ctrl_c() => {}
        }
    }
}

/// Where clients come in, and the admin address.
fn addresses(app: &Running) -> anyhow::Result<(SocketAddr, SocketAddr)> {
    match (&app.listeners[..], app.admin) {
        ([Address::Ip(proxy)], Some(admin)) => Ok((*proxy, admin)),
        _ => bail!("the demo has one listener and an admin address"),
    }
}
