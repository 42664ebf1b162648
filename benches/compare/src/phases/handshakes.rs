//! CPU per TLS handshake: full ones, then ones that resume a session.

use anyhow::Result;
use rustls::HandshakeKind;

use crate::compare::Bench;
use crate::figures::Figure;
use crate::handshakes::Handshakes;
use crate::proxy::Proxy;
use crate::running::Running;
use crate::template::With;
use crate::tls::Protocol;

/// Handshakes at a time.
const LANES: usize = 16;
const WARM_UP: usize = 160;

/// A connection each, which ends when the handshake is done.
pub fn measure(bench: &mut Bench, proxy: Proxy) -> Result<()> {
    let running = bench.start(proxy, With::Tls)?;
    let client = bench.identity.client(Protocol::Http1);
    let mut handshakes = Handshakes::new(running.address, LANES, &client)?;
    handshakes.run(WARM_UP, HandshakeKind::Full)?;
    for (kind, figure) in [
        (HandshakeKind::Full, Figure::Handshake),
        (HandshakeKind::Resumed, Figure::HandshakeResumed),
    ] {
        let each = cpu_each(&running, &mut handshakes, bench.settings.handshakes, kind)?;
        bench.samples.add(figure, proxy, each);
    }
    Ok(())
}

/// Microseconds.
fn cpu_each(
    running: &Running,
    handshakes: &mut Handshakes,
    total: usize,
    kind: HandshakeKind,
) -> Result<f64> {
    let before = running.tree().cpu_ns()?;
    handshakes.run(total, kind)?;
    let spent = running.tree().cpu_ns()? - before;
    Ok(spent as f64 / 1e3 / total as f64)
}
