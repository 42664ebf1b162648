//! Memory per parked sync: what the process grows by when thousands wait.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::compare::Bench;
use crate::figures::Figure;
use crate::load::Load;
use crate::proxy::{AccessLog, Proxy};
use crate::request;

const WARM_UP: usize = 640;
const SETTLE: Duration = Duration::from_secs(1);
/// Connections opened before we wait until their requests are parked.
const BATCH: usize = 250;

/// Parks, measures, lets go, and checks that every parked request got its answer.
pub fn measure(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    let running = bench.start(proxy, AccessLog::Off)?;
    let address = running.address;
    // What is fixed is there before we look.
    let warm_up: Vec<_> = (0..WARM_UP)
        .map(|user| request::sync(address, user))
        .collect();
    Load::connect(address, 64)?.run(&warm_up, WARM_UP)?;
    thread::sleep(SETTLE);
    let before = running.tree().resident()?;

    let parked = bench.settings.parked;
    let mut loads = Vec::new();
    for first in (0..parked).step_by(BATCH) {
        let last = (first + BATCH).min(parked);
        let requests: Vec<_> = (first..last)
            .map(|user| request::parked_sync(address, user))
            .collect();
        let mut load = Load::connect(address, last - first)?;
        load.send_all(&requests)?;
        loads.push(load);
        bench.standin.wait_parked(last)?;
    }
    thread::sleep(SETTLE);
    let grown = running.tree().resident()?.saturating_sub(before);
    bench
        .samples
        .add(Figure::Memory, proxy, grown as f64 / 1024.0 / parked as f64);

    bench.standin.release()?;
    loads.iter_mut().try_for_each(Load::receive_all)?;
    bench.standin.wait_parked(0)
}
