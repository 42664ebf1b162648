//! What is measured on each side, one file a phase.

mod bodies;
mod compression;
mod handshakes;
mod memory;
mod requests;
mod routing;
mod start;

use anyhow::Result;

use crate::args::Phase;
use crate::compare::Bench;
use crate::figures::Figure;
use crate::proxy::Proxy;

impl Phase {
    /// All, in the order they run.
    pub const ALL: [Phase; 13] = [
        Phase::Cpu,
        Phase::Paced,
        Phase::Chunked,
        Phase::Log,
        Phase::Memory,
        Phase::Start,
        Phase::Bodies,
        Phase::Handshakes,
        Phase::Tls,
        Phase::TlsMemory,
        Phase::H2,
        Phase::H2Memory,
        Phase::Gzip,
    ];

    /// Whether `proxy` can take part.
    pub fn includes(self, proxy: Proxy) -> bool {
        match self {
            Phase::Cpu | Phase::Paced | Phase::Chunked | Phase::Memory => true,
            Phase::Start | Phase::Bodies => proxy != Proxy::Floor,
            _ => proxy.routes(),
        }
    }

    /// Memory hardly varies, and its rounds are long.
    pub fn rounds(self, asked: u32) -> u32 {
        match self {
            Phase::Memory | Phase::TlsMemory | Phase::H2Memory => asked.div_ceil(3),
            _ => asked,
        }
    }

    /// The figure that tells how a round went.
    pub fn figure(self) -> Figure {
        match self {
            Phase::Cpu => Figure::Cpu,
            Phase::Paced => Figure::CpuPaced,
            Phase::Chunked => Figure::CpuChunked,
            Phase::Log => Figure::CpuLogged,
            Phase::Memory => Figure::Memory,
            Phase::Start => Figure::Start,
            Phase::Bodies => Figure::DownloadTime,
            Phase::Handshakes => Figure::Handshake,
            Phase::Tls => Figure::CpuTls,
            Phase::TlsMemory => Figure::MemoryTls,
            Phase::H2 => Figure::CpuH2,
            Phase::H2Memory => Figure::MemoryH2,
            Phase::Gzip => Figure::GzipCpu,
        }
    }

    /// Takes one round's samples of one side.
    pub fn measure(self, bench: &mut Bench, proxy: Proxy) -> Result<()> {
        match self {
            Phase::Cpu => requests::plain(bench, proxy),
            Phase::Paced => requests::paced(bench, proxy),
            Phase::Chunked => requests::chunked(bench, proxy),
            Phase::Log => requests::logged(bench, proxy),
            Phase::Memory => memory::plain(bench, proxy),
            Phase::Start => start::measure(bench, proxy),
            Phase::Bodies => bodies::measure(bench, proxy),
            Phase::Handshakes => handshakes::measure(bench, proxy),
            Phase::Tls => requests::over_tls(bench, proxy),
            Phase::TlsMemory => memory::over_tls(bench, proxy),
            Phase::H2 => requests::over_h2(bench, proxy),
            Phase::H2Memory => memory::over_h2(bench, proxy),
            Phase::Gzip => compression::measure(bench, proxy),
        }
    }
}
