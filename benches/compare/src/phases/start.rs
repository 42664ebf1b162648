//! Start to listening.

use anyhow::Result;

use crate::compare::Bench;
use crate::figures::Figure;
use crate::proxy::Proxy;
use crate::template::With;

const STARTS: usize = 3;

/// Starts it a few times.
pub fn measure(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    for _ in 0..STARTS {
        let took = bench.start(proxy, With::Nothing)?.start_took;
        bench
            .samples
            .add(Figure::Start, proxy, took.as_secs_f64() * 1e3);
    }
    Ok(())
}
