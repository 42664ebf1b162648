//! CPU per request: short sync answers on kept connections.

use std::sync::Arc;

use anyhow::{Result, ensure};
use rustls::ClientConfig;

use super::routing;
use crate::compare::Bench;
use crate::figures::Figure;
use crate::h2_load::H2Load;
use crate::load::Load;
use crate::proxy::Proxy;
use crate::request;
use crate::running::Running;
use crate::template::With;
use crate::tls::Protocol;

const CONNECTIONS: usize = 64;
const USERS: usize = 2_000;
/// Over HTTP/2 the same number of requests at a time, on fewer connections.
const H2_CONNECTIONS: usize = 8;
const H2_STREAMS: usize = CONNECTIONS / H2_CONNECTIONS;

/// Requests a second for those that are paced: each side sleeps and wakes for every one of them.
const RATE: u32 = 5_000;

/// Answers with a Content-Length, no access log.
pub fn plain(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    let running = bench.start(proxy, With::Nothing)?;
    if proxy.routes() {
        routing::check(&running, &bench.standin, None)?;
    }
    measure(bench, proxy, &running, None, [Figure::Cpu, Figure::Rate])
}

/// As [`plain`], but at one rate for all sides: in a closed loop a cheap side pays for its waits, and the others not.
pub fn paced(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    let running = bench.start(proxy, With::Nothing)?;
    let (requests, total) = (requests(&running), bench.settings.requests);
    let mut load = Load::connect(running.address, CONNECTIONS, None)?;
    load.run(&requests, bench.settings.warm_up)?;
    let before = running.tree().cpu_ns()?;
    load.run_paced(&requests, total, RATE)?;
    let spent = running.tree().cpu_ns()? - before;
    let each = spent as f64 / 1e3 / total as f64;
    bench.samples.add(Figure::CpuPaced, proxy, each);
    Ok(())
}

/// Chunked answers, no access log.
pub fn chunked(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    let running = bench.start(proxy, With::Nothing)?;
    bench.standin.answer_chunked(true);
    let figures = [Figure::CpuChunked, Figure::RateChunked];
    let outcome = measure(bench, proxy, &running, None, figures);
    bench.standin.answer_chunked(false);
    outcome
}

/// Answers with a Content-Length, a line a request in a file.
pub fn logged(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    let running = bench.start(proxy, With::AccessLog)?;
    let figures = [Figure::CpuLogged, Figure::RateLogged];
    measure(bench, proxy, &running, None, figures)?;
    let (lines, least) = (running.lines_logged()?, bench.settings.requests);
    ensure!(
        lines >= least,
        "{lines} lines in the access log for {least} requests"
    );
    Ok(())
}

/// As [`plain`], over TLS.
pub fn over_tls(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    let running = bench.start(proxy, With::Tls)?;
    let tls = Arc::new(bench.identity.client(Protocol::Http1));
    routing::check(&running, &bench.standin, Some(&tls))?;
    let figures = [Figure::CpuTls, Figure::RateTls];
    measure(bench, proxy, &running, Some(&tls), figures)
}

/// As [`plain`], over HTTP/2 in TLS.
pub fn over_h2(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    let running = bench.start(proxy, With::Tls)?;
    let tls = Arc::new(bench.identity.client(Protocol::Http2));
    let requests: Result<_> = (0..USERS)
        .map(|user| request::h2_sync(running.address, user))
        .collect();
    let requests: Arc<[_]> = requests?;
    let total = bench.settings.requests;
    let load = H2Load::connect(running.address, H2_CONNECTIONS, &tls)?;
    load.run(&requests, bench.settings.warm_up, H2_STREAMS)?;
    let before = running.tree().cpu_ns()?;
    let took = load.run(&requests, total, H2_STREAMS)?;
    let spent = running.tree().cpu_ns()? - before;
    let samples = &mut bench.samples;
    samples.add(Figure::CpuH2, proxy, spent as f64 / 1e3 / total as f64);
    samples.add(Figure::RateH2, proxy, total as f64 / took.as_secs_f64());
    Ok(())
}

fn measure(
    bench: &mut Bench,
    proxy: Proxy,
    running: &Running,
    tls: Option<&Arc<ClientConfig>>,
    [cpu, rate]: [Figure; 2],
) -> Result<()> {
    let (requests, total) = (requests(running), bench.settings.requests);
    let mut load = Load::connect(running.address, CONNECTIONS, tls)?;
    load.run(&requests, bench.settings.warm_up)?;
    let before = running.tree().cpu_ns()?;
    let took = load.run(&requests, total)?;
    let spent = running.tree().cpu_ns()? - before;
    let samples = &mut bench.samples;
    samples.add(cpu, proxy, spent as f64 / 1e3 / total as f64);
    samples.add(rate, proxy, total as f64 / took.as_secs_f64());
    Ok(())
}

fn requests(running: &Running) -> Vec<Vec<u8>> {
    (0..USERS)
        .map(|user| request::sync(running.address, user))
        .collect()
}
