//! CPU per request: short sync answers on kept connections.

use anyhow::{Result, ensure};

use super::routing;
use crate::compare::Bench;
use crate::figures::Figure;
use crate::load::Load;
use crate::proxy::{AccessLog, Proxy};
use crate::request;
use crate::running::Running;

const CONNECTIONS: usize = 64;
const USERS: usize = 2_000;

/// Answers with a Content-Length, no access log.
pub fn plain(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    let running = bench.start(proxy, AccessLog::Off)?;
    if proxy.routes() {
        routing::check(&running, &bench.standin)?;
    }
    measure(bench, proxy, &running, Figure::Cpu, Figure::Rate)
}

/// Chunked answers, no access log.
pub fn chunked(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    let running = bench.start(proxy, AccessLog::Off)?;
    bench.standin.answer_chunked(true);
    let outcome = measure(
        bench,
        proxy,
        &running,
        Figure::CpuChunked,
        Figure::RateChunked,
    );
    bench.standin.answer_chunked(false);
    outcome
}

/// Answers with a Content-Length, a line a request in a file.
pub fn logged(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    let running = bench.start(proxy, AccessLog::On)?;
    measure(
        bench,
        proxy,
        &running,
        Figure::CpuLogged,
        Figure::RateLogged,
    )?;
    let (lines, least) = (running.lines_logged()?, bench.settings.requests);
    ensure!(
        lines >= least,
        "{lines} lines in the access log for {least} requests"
    );
    Ok(())
}

fn measure(
    bench: &mut Bench,
    proxy: Proxy,
    running: &Running,
    cpu: Figure,
    rate: Figure,
) -> Result<()> {
    let requests: Vec<_> = (0..USERS)
        .map(|user| request::sync(running.address, user))
        .collect();
    let total = bench.settings.requests;
    let mut load = Load::connect(running.address, CONNECTIONS)?;
    load.run(&requests, bench.settings.warm_up)?;
    let before = running.tree().cpu_ns()?;
    let took = load.run(&requests, total)?;
    let spent = running.tree().cpu_ns()? - before;
    bench
        .samples
        .add(cpu, proxy, spent as f64 / 1e3 / total as f64);
    bench
        .samples
        .add(rate, proxy, total as f64 / took.as_secs_f64());
    Ok(())
}
