//! `thalamus run`: serves until told to stop.

use std::{path::Path, process::ExitCode};

use anyhow::Context;
use sd_notify::NotifyState;
use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
};

use super::{changes::Changes, log};
use crate::{
    app::{self, Running},
    config::{self, Settings},
};

/// Serves what `file` says; its faults go to stderr.
pub(super) fn run(file: &Path) -> anyhow::Result<ExitCode> {
    let settings = match config::load(file) {
        Ok(settings) => settings,
        Err(faults) => {
            eprintln!("{faults}");
            return Ok(ExitCode::FAILURE);
        }
    };
    log::start();
    for warning in config::warnings(&settings) {
        tracing::warn!("{warning}");
    }
    raise_open_files();
    let control = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("control")
        .enable_all()
        .build()
        .context("start the control runtime")?;
    let done = control.block_on(serve(file, settings));
    // After a second signal, nobody waits for the threads that still serve.
    control.shutdown_background();
    done
}

/// Takes all the open files that the system allows: containers start with 1,024, and a parked sync holds two.
fn raise_open_files() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::debug!("open files: at most {limit}"),
        Err(error) => tracing::warn!("the limit of open files stays as it is: {error}"),
    }
}

async fn serve(file: &Path, settings: Settings) -> anyhow::Result<ExitCode> {
    let mut stops = Stops::listen().context("listen for signals")?;
    let mut changes = Changes::of(file).context("listen for signals")?;
    let mut running = app::start(settings).await?;
    for address in &running.listeners {
        tracing::info!("serving on {address}");
    }
    if let Some(admin) = running.admin {
        tracing::info!("status page on http://{admin}/");
    }
    notify(&[NotifyState::Ready]);
    let told = loop {
        tokio::select! {
            told = stops.next() => break told,
            () = changes.next() => reload(file, &mut running).await,
            () = running.labels_changed() => running.relabel().await,
        }
    };
    notify(&[NotifyState::Stopping]);
    tracing::info!("stopping: running requests may end; a second signal ends them at once");
    tokio::select! {
        () = stop(running, told) => tracing::info!("stopped"),
        _ = stops.next() => tracing::warn!("stopped before the running requests ended"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Nobody balances load between us and a person at a terminal: only SIGTERM waits for load balancers.
async fn stop(running: Running, told: Told) {
    if told == Told::Terminate {
        running.leave().await;
    }
    running.stop().await;
}

/// Tells systemd, where it started us and asked for it.
fn notify(states: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("systemd was not told {states:?}: {error}");
    }
}

/// Goes on with what the file says now; systemd hears when that begins and when it is done.
async fn reload(file: &Path, running: &mut Running) {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!("systemd was not told of the reload: {error}"),
    }
    let loaded = config::load(file);
    for warning in loaded.iter().flat_map(config::warnings) {
        tracing::warn!("{warning}");
    }
    running.reload(loaded).await;
    notify(&[NotifyState::Ready]);
}

/// Who told us to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// The service manager, by SIGTERM.
    Terminate,
    /// A person, by ctrl-c.
    Interrupt,
}

/// The signals that tell us to stop.
struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Terminate,
            _ = self.interrupt.recv() => Told::Interrupt,
        }
    }
}
