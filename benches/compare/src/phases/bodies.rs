//! 100 MB through the proxy, down and up: how long, and how much memory at most.

use std::time::Duration;

use anyhow::Result;

use crate::client::Client;
use crate::compare::Bench;
use crate::figures::Figure;
use crate::proxy::Proxy;
use crate::request;
use crate::running::Running;
use crate::template::With;

const WARM_UP: usize = 200;
const TRANSFERS: usize = 3;

/// Moves the large body a few times each way.
pub fn measure(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    let running = bench.start(proxy, With::Nothing)?;
    let mut client = Client::connect(running.address, None)?;
    for user in 0..WARM_UP {
        client.ask(&request::sync(running.address, user))?;
    }
    let down = [Figure::DownloadTime, Figure::DownloadMemory];
    transfers(bench, proxy, &running, down, || client.download())?;
    let up = [Figure::UploadTime, Figure::UploadMemory];
    transfers(bench, proxy, &running, up, || client.upload())
}

fn transfers(
    bench: &mut Bench,
    proxy: Proxy,
    running: &Running,
    [time, memory]: [Figure; 2],
    mut transfer: impl FnMut() -> Result<Duration>,
) -> Result<()> {
    running.tree().forget_peak()?;
    let before = running.tree().resident()?;
    for _ in 0..TRANSFERS {
        bench
            .samples
            .add(time, proxy, transfer()?.as_secs_f64() * 1e3);
    }
    let grown = running.tree().peak()?.saturating_sub(before);
    bench.samples.add(memory, proxy, grown as f64 / 1e6);
    Ok(())
}
