//! The machine's limits: its cores, how busy they are, how many files we may open.

use std::{fs, io};

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The proxy has this core to itself.
pub const PROXY_CORE: usize = 0;
/// Load and stand-in workers share this one.
pub const LOAD_CORE: usize = 1;

/// Moves this thread, and all that it starts from now on, to `core`.
pub fn run_on(core: usize) -> Result<()> {
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).with_context(|| format!("move to core {core}"))
}

/// Runs `start` on `core` and comes back; a process begun inside stays there.
pub fn started_on<T>(core: usize, start: impl FnOnce() -> io::Result<T>) -> Result<T> {
    let home = sched_getaffinity(None).context("ask which cores are ours")?;
    run_on(core)?;
    let started = start();
    sched_setaffinity(None, &home).context("move back")?;
    Ok(started?)
}

/// Fails when the machine has fewer than the two cores a fair comparison takes.
pub fn need_two_cores() -> Result<()> {
    let ours = sched_getaffinity(None).context("ask which cores are ours")?;
    ensure!(
        ours.is_set(PROXY_CORE) && ours.is_set(LOAD_CORE),
        "cores {PROXY_CORE} and {LOAD_CORE} are needed: one for the proxy, one for load and workers"
    );
    Ok(())
}

/// Allows as many open files as the hard limit says, and tells how many that is.
pub fn open_all_files() -> Result<u64> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised).context("raise the limit of open files")?;
    Ok(maximum.unwrap_or(u64::MAX))
}

/// The machine's load average of the last minute; NaN when it does not tell.
pub fn load_average() -> f64 {
    let averages = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let last_minute = averages.split(' ').next().map(str::parse);
    last_minute.and_then(Result::ok).unwrap_or(f64::NAN)
}
