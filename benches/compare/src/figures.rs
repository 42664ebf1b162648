//! What is measured, what is asked of it, and the samples of a run.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::proxy::Proxy;

/// Something measured on every side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    Cpu,
    CpuPaced,
    CpuChunked,
    CpuLogged,
    Rate,
    RateChunked,
    RateLogged,
    Memory,
    Start,
    DownloadTime,
    DownloadMemory,
    UploadTime,
    UploadMemory,
    Handshake,
    HandshakeResumed,
    CpuTls,
    RateTls,
    MemoryTls,
    CpuH2,
    RateH2,
    MemoryH2,
    GzipCpu,
    GzipLength,
}

/// What ours must reach.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// At most this share of the lowest of these sides' medians.
    Share(f64, &'static [Proxy]),
    /// At most this, in the figure's unit.
    AtMost(f64),
}

/// All samples of a run.
#[derive(Debug, Default)]
pub struct Samples {
    of: BTreeMap<Figure, BTreeMap<Proxy, Vec<f64>>>,
}

/// The middle of some samples and how far they spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    pub median: f64,
    pub min: f64,
    pub max: f64,
    pub samples: usize,
}

const PEERS: &[Proxy] = &[Proxy::Nginx, Proxy::Haproxy];

impl Figure {
    /// In the order they are printed.
    pub const ALL: [Figure; 23] = [
        Figure::Cpu,
        Figure::CpuPaced,
        Figure::CpuChunked,
        Figure::CpuLogged,
        Figure::Memory,
        Figure::Start,
        Figure::DownloadTime,
        Figure::DownloadMemory,
        Figure::UploadTime,
        Figure::UploadMemory,
        Figure::Handshake,
        Figure::HandshakeResumed,
        Figure::CpuTls,
        Figure::MemoryTls,
        Figure::CpuH2,
        Figure::MemoryH2,
        Figure::GzipCpu,
        Figure::GzipLength,
        Figure::Rate,
        Figure::RateChunked,
        Figure::RateLogged,
        Figure::RateTls,
        Figure::RateH2,
    ];

    /// What a reader sees.
    pub fn title(self) -> &'static str {
        match self {
            Figure::Cpu => "CPU per request",
            Figure::CpuPaced => "CPU per request, 5,000 a second",
            Figure::CpuChunked => "CPU per request, chunked answers",
            Figure::CpuLogged => "CPU per request, access log on",
            Figure::Rate => "requests a second",
            Figure::RateChunked => "requests a second, chunked answers",
            Figure::RateLogged => "requests a second, access log on",
            Figure::Memory => "memory per parked sync",
            Figure::Start => "start to listening",
            Figure::DownloadTime => "100 MB down, time",
            Figure::DownloadMemory => "100 MB down, memory growth",
            Figure::UploadTime => "100 MB up, time",
            Figure::UploadMemory => "100 MB up, memory growth",
            Figure::Handshake => "CPU per TLS handshake",
            Figure::HandshakeResumed => "CPU per TLS handshake, resumed",
            Figure::CpuTls => "CPU per request, TLS",
            Figure::RateTls => "requests a second, TLS",
            Figure::MemoryTls => "memory per parked sync, TLS",
            Figure::CpuH2 => "CPU per request, HTTP/2",
            Figure::RateH2 => "requests a second, HTTP/2",
            Figure::MemoryH2 => "memory per parked sync, HTTP/2",
            Figure::GzipCpu => "gzip of 1 MB, CPU",
            Figure::GzipLength => "gzip of 1 MB, length",
        }
    }

    /// The unit of its samples.
    pub fn unit(self) -> &'static str {
        match self {
            Figure::Cpu | Figure::CpuPaced | Figure::CpuChunked | Figure::CpuLogged => "us",
            Figure::CpuTls | Figure::CpuH2 | Figure::Handshake | Figure::HandshakeResumed => "us",
            Figure::Rate | Figure::RateChunked | Figure::RateLogged => "/s",
            Figure::RateTls | Figure::RateH2 => "/s",
            Figure::Memory | Figure::MemoryTls | Figure::MemoryH2 => "KB",
            Figure::GzipLength => "kB",
            Figure::Start | Figure::DownloadTime | Figure::UploadTime | Figure::GzipCpu => "ms",
            Figure::DownloadMemory | Figure::UploadMemory => "MB",
        }
    }

    /// What ours must reach; rates are only for the record.
    pub fn goals(self) -> &'static [Goal] {
        match self {
            Figure::Cpu | Figure::CpuPaced | Figure::CpuChunked => {
                &[Goal::Share(0.80, PEERS), Goal::Share(1.15, &[Proxy::Floor])]
            }
            Figure::CpuLogged => &[Goal::Share(0.90, PEERS)],
            Figure::Memory => &[Goal::Share(0.60, &[Proxy::Haproxy])],
            Figure::Start => &[Goal::AtMost(50.0)],
            Figure::DownloadTime | Figure::UploadTime => &[Goal::Share(1.10, PEERS)],
            Figure::DownloadMemory | Figure::UploadMemory => &[Goal::AtMost(2.0)],
            Figure::Handshake | Figure::HandshakeResumed => &[Goal::Share(1.00, &[Proxy::Haproxy])],
            Figure::CpuTls | Figure::CpuH2 => &[Goal::Share(0.90, PEERS)],
            Figure::MemoryTls => &[Goal::Share(0.55, &[Proxy::Haproxy])],
            Figure::MemoryH2 => &[Goal::Share(1.00, &[Proxy::Haproxy])],
            Figure::GzipCpu | Figure::GzipLength => &[Goal::Share(1.00, &[Proxy::Nginx])],
            Figure::Rate | Figure::RateChunked | Figure::RateLogged => &[],
            Figure::RateTls | Figure::RateH2 => &[],
        }
    }
}

impl Samples {
    /// Adds one sample.
    pub fn add(&mut self, figure: Figure, proxy: Proxy, value: f64) {
        self.of
            .entry(figure)
            .or_default()
            .entry(proxy)
            .or_default()
            .push(value);
    }

    /// The summary of one side, if it was measured.
    pub fn summary(&self, figure: Figure, proxy: Proxy) -> Option<Summary> {
        summary(self.of.get(&figure)?.get(&proxy)?)
    }

    /// The latest sample of one side.
    pub fn last(&self, figure: Figure, proxy: Proxy) -> Option<f64> {
        self.of.get(&figure)?.get(&proxy)?.last().copied()
    }
}

fn summary(samples: &[f64]) -> Option<Summary> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    let middle = sorted.len() / 2;
    let median = match sorted.len() % 2 {
        0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
        _ => sorted[middle],
    };
    Some(Summary {
        median,
        min,
        max,
        samples: sorted.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(summary(&[]), None);
        assert_eq!(summary(&[3.0, 1.0, 2.0]).unwrap().median, 2.0);
        assert_eq!(summary(&[4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
    }
}
