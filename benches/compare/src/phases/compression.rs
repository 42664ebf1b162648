//! gzip of a large sync answer, at the level that nginx has when it is told no other: CPU and bytes.

use anyhow::{Result, ensure};

use crate::client::Client;
use crate::compare::Bench;
use crate::figures::Figure;
use crate::proxy::Proxy;
use crate::request;
use crate::standin::LARGE_SYNC_BODY;
use crate::template::With;

const WARM_UP: usize = 5;
const ANSWERS: usize = 50;

/// One client asks again and again.
pub fn measure(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    let running = bench.start(proxy, With::Compression)?;
    let mut client = Client::connect(running.address, None)?;
    let request = request::large_sync(running.address, 0);
    let mut ask = || -> Result<usize> {
        let (body, length) = client.ask_for_gzip(&request)?;
        ensure!(body == LARGE_SYNC_BODY.as_bytes(), "wrong body inside gzip");
        Ok(length)
    };
    for _ in 0..WARM_UP {
        ask()?;
    }
    let before = running.tree().cpu_ns()?;
    let mut bytes = 0;
    for _ in 0..ANSWERS {
        bytes += ask()?;
    }
    let spent = running.tree().cpu_ns()? - before;
    let samples = &mut bench.samples;
    samples.add(Figure::GzipCpu, proxy, spent as f64 / 1e6 / ANSWERS as f64);
    samples.add(
        Figure::GzipLength,
        proxy,
        bytes as f64 / 1e3 / ANSWERS as f64,
    );
    Ok(())
}
