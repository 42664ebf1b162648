//! What is measured on each side, one file a phase.

mod bodies;
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
    pub const ALL: [Phase; 6] = [
        Phase::Cpu,
        Phase::Chunked,
        Phase::Log,
        Phase::Memory,
        Phase::Start,
        Phase::Bodies,
    ];

    /// Whether `proxy` can take part.
    pub fn includes(self, proxy: Proxy) -> bool {
        match self {
            Phase::Cpu | Phase::Chunked | Phase::Memory => true,
            Phase::Log => proxy.routes(),
            Phase::Start | Phase::Bodies => proxy != Proxy::Floor,
        }
    }

    /// Memory hardly varies, and its rounds are long.
    pub fn rounds(self, asked: u32) -> u32 {
        match self {
            Phase::Memory => asked.div_ceil(3),
            _ => asked,
        }
    }

    /// The figure that tells how a round went.
    pub fn figure(self) -> Figure {
        match self {
            Phase::Cpu => Figure::Cpu,
            Phase::Chunked => Figure::CpuChunked,
            Phase::Log => Figure::CpuLogged,
            Phase::Memory => Figure::Memory,
            Phase::Start => Figure::Start,
            Phase::Bodies => Figure::DownloadTime,
        }
    }

    /// Takes one round's samples of one side.
    pub fn measure(self, bench: &mut Bench, proxy: Proxy) -> Result<()> {
        match self {
            Phase::Cpu => requests::plain(bench, proxy),
            Phase::Chunked => requests::chunked(bench, proxy),
            Phase::Log => requests::logged(bench, proxy),
            Phase::Memory => memory::measure(bench, proxy),
            Phase::Start => start::measure(bench, proxy),
            Phase::Bodies => bodies::measure(bench, proxy),
        }
    }
}
