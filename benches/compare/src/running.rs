//! A proxy that runs: started on its own core, measured, stopped.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Child;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::limits;
use crate::procfs::Tree;
use crate::proxy::Prepared;
use crate::wait;

/// Longest wait for a proxy to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// The proxy that runs now, for [`stop_for_good`].
static LIVE: Mutex<Option<Pid>> = Mutex::new(None);

/// A started proxy; dropping it stops it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    tree: Tree,
    access_log: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the start of the process to the first connection it took.
    pub start_took: Duration,
}

impl Running {
    /// Starts it and waits until it takes connections and its processes are all there.
    pub fn start(mut prepared: Prepared) -> Result<Running> {
        let begun = Instant::now();
        let child = limits::started_on(limits::PROXY_CORE, || prepared.command.spawn())
            .with_context(|| format!("start {:?}", prepared.command))?;
        *live() = Pid::from_raw(child.id() as i32);
        let address = prepared.listen;
        let mut running = Running {
            tree: Tree::of(child.id()),
            child,
            access_log: prepared.access_log,
            address,
            start_took: Duration::ZERO,
        };
        let listens = |running: &mut Running| -> Result<bool> {
            ensure!(running.child.try_wait()?.is_none(), "it ended");
            Ok(TcpStream::connect(address).is_ok())
        };
        wait::until(PATIENCE, || listens(&mut running))
            .with_context(|| fs::read_to_string(&prepared.errors).unwrap_or_default())
            .with_context(|| format!("{:?} does not listen", prepared.command))?;
        running.start_took = begun.elapsed();
        // nginx listens before it has its worker process.
        wait::until(PATIENCE, || {
            Ok(running.tree.look_again()? == prepared.processes)
        })
        .context("not all of its processes started")?;
        Ok(running)
    }

    /// Its processes.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Lines in its access log so far.
    pub fn lines_logged(&self) -> Result<usize> {
        let log = fs::read(&self.access_log).context("read the access log")?;
        Ok(memchr::memchr_iter(b'\n', &log).count())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(pid) = live().take() {
            let _ = kill_process(pid, Signal::TERM);
        }
        let gone = wait::until(Duration::from_secs(3), || {
            Ok(self.child.try_wait()?.is_some())
        });
        if gone.is_err() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Leaves no proxy behind when we are told to stop: to be called before exiting early.
pub fn stop_for_good() {
    if let Some(pid) = live().take() {
        let _ = kill_process(pid, Signal::TERM);
    }
}

fn live() -> std::sync::MutexGuard<'static, Option<Pid>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}
