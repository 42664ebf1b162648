//! Leaves no proxy and no file behind when told to stop.

use std::fs;
use std::future::poll_fn;
use std::path::PathBuf;
use std::process::exit;
use std::task::Poll;
use std::thread;

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::running;

/// From now on SIGINT and SIGTERM stop the proxy, remove `workdir` and end us.
pub fn cleanly_when_told(workdir: PathBuf) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let entered = runtime.enter();
    let terminate = signal(SignalKind::terminate())?;
    let interrupt = signal(SignalKind::interrupt())?;
    drop(entered);
    thread::Builder::new().name("stop".into()).spawn(move || {
        runtime.block_on(either(terminate, interrupt));
        running::stop_for_good();
        let _ = fs::remove_dir_all(workdir);
        exit(130);
    })?;
    Ok(())
}

async fn either(mut one: Signal, mut other: Signal) {
    poll_fn(|cx| match one.poll_recv(cx) {
        Poll::Pending => other.poll_recv(cx),
        told => told,
    })
    .await;
}
