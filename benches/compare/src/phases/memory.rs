//! Memory per parked sync: what the process grows by when thousands wait.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use rustls::ClientConfig;

use crate::compare::Bench;
use crate::figures::Figure;
use crate::h2_load::H2Load;
use crate::load::Load;
use crate::proxy::Proxy;
use crate::request;
use crate::running::Running;
use crate::template::With;
use crate::tls::Protocol;

const WARM_UP: usize = 640;
const SETTLE: Duration = Duration::from_secs(1);
/// Connections opened before we wait until their requests are parked.
const BATCH: usize = 250;
/// What every side allows on a connection.
const STREAMS: usize = 100;

/// On a connection each.
pub fn plain(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    let running = bench.start(proxy, With::Nothing)?;
    let parked = bench.settings.parked;
    one_each(bench, proxy, &running, None, parked, Figure::Memory)
}

/// On a connection each, in TLS.
pub fn over_tls(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    let running = bench.start(proxy, With::Tls)?;
    let tls = Arc::new(bench.identity.client(Protocol::Http1));
    let parked = bench.settings.parked_tls;
    one_each(
        bench,
        proxy,
        &running,
        Some(&tls),
        parked,
        Figure::MemoryTls,
    )
}

/// A hundred on a connection, in HTTP/2 and TLS.
pub fn over_h2(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    let running = bench.start(proxy, With::Tls)?;
    let address = running.address;
    let tls = Arc::new(bench.identity.client(Protocol::Http2));
    let warm_up: Result<_> = (0..WARM_UP)
        .map(|user| request::h2_sync(address, user))
        .collect();
    H2Load::connect(address, 8, &tls)?.run(&warm_up?, WARM_UP, 8)?;
    let before = settled(&running)?;

    let connections = bench.settings.parked_tls.div_ceil(STREAMS);
    let parked = connections * STREAMS;
    let mut load = H2Load::connect(address, connections, &tls)?;
    for connection in 0..connections {
        let first = connection * STREAMS;
        let requests: Result<Vec<_>> = (first..first + STREAMS)
            .map(|user| request::h2_parked_sync(address, user))
            .collect();
        load.send(connection, requests?);
        bench.standin.wait_parked(first + STREAMS)?;
    }
    let grown = settled(&running)?.saturating_sub(before);
    let each = grown as f64 / 1024.0 / parked as f64;
    bench.samples.add(Figure::MemoryH2, proxy, each);

    bench.standin.release()?;
    load.receive_all()?;
    bench.standin.wait_parked(0)
}

/// Parks, measures, lets go, and checks that every parked request got its answer.
fn one_each(
    bench: &mut Bench,
    proxy: Proxy,
    running: &Running,
    tls: Option<&Arc<ClientConfig>>,
    parked: usize,
    figure: Figure,
) -> Result<()> {
    let address = running.address;
    // What is fixed is there before we look.
    let warm_up: Vec<_> = (0..WARM_UP)
        .map(|user| request::sync(address, user))
        .collect();
    Load::connect(address, 64, tls)?.run(&warm_up, WARM_UP)?;
    let before = settled(running)?;

    let mut loads = Vec::new();
    for first in (0..parked).step_by(BATCH) {
        let last = (first + BATCH).min(parked);
        let requests: Vec<_> = (first..last)
            .map(|user| request::parked_sync(address, user))
            .collect();
        let mut load = Load::connect(address, last - first, tls)?;
        load.send_all(&requests)?;
        loads.push(load);
        bench.standin.wait_parked(last)?;
    }
    let grown = settled(running)?.saturating_sub(before);
    let each = grown as f64 / 1024.0 / parked as f64;
    bench.samples.add(figure, proxy, each);

    bench.standin.release()?;
    loads.iter_mut().try_for_each(Load::receive_all)?;
    bench.standin.wait_parked(0)
}

/// Resident memory when nothing moves any more.
fn settled(running: &Running) -> Result<u64> {
    thread::sleep(SETTLE);
    running.tree().resident()
}
