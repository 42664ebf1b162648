//! The line of progress that the demo prints each second.

use super::{deployment, ledger::Ledger, workers::Workers};

/// What the last line said, to tell what came since.
#[derive(Debug, Default)]
pub struct Progress {
    requests: u64,
    seconds: f64,
}

impl Progress {
    /// The line for this moment, `seconds` after the start.
    pub fn line(&mut self, seconds: f64, ledger: &Ledger, workers: &Workers) -> String {
        let parked = deployment::sync_workers()
            .iter()
            .map(|name| workers.named(name).parked());
        let parked: String = parked.map(|count| format!("{count:>5}")).collect();
        let total = ledger.total();
        let rate = self.rate(seconds, total.requests);
        let users = ledger.users.counts();
        format!(
            "{} {:>9} requests {:>6}/s  parked{parked}  {:>4} users {:>2} on two workers {:>3} failed",
            clock(seconds),
            thousands(total.requests),
            thousands(rate as u64),
            users.placed,
            users.split,
            total.failed,
        )
    }

    fn rate(&mut self, seconds: f64, requests: u64) -> f64 {
        let rate = (requests - self.requests) as f64 / (seconds - self.seconds).max(0.001);
        *self = Self { requests, seconds };
        rate
    }
}

/// Seconds since the start, as wide as in all lines.
pub fn clock(seconds: f64) -> String {
    format!("{seconds:>5.0} s")
}

/// A number in groups of three digits.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cli::demo::house::House;

    #[test]
    fn groups_digits() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }

    #[tokio::test]
    async fn a_line_fits_a_terminal() {
        let workers = Workers::start(&Arc::new(House::new(1))).unwrap();
        let line = Progress::default().line(1.0, &Ledger::new(300, 1, 1), &workers);
        assert!(line.len() <= 100, "{line}");
        assert!(line.ends_with("0 on two workers   0 failed"), "{line}");
    }

    #[test]
    fn rate_is_since_the_last_line() {
        let mut progress = Progress::default();
        assert_eq!(progress.rate(1.0, 500), 500.0);
        assert_eq!(progress.rate(3.0, 700), 100.0);
    }
}
