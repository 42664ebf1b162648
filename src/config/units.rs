//! Durations and sizes as an admin writes them.

use std::time::Duration;

/// Longer than anything here is meant to take, and short enough to be added to a moment or multiplied.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// A duration such as `30s`, `10m` or `1h 30m`, of a year at most.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = |what| format!("{what}; write a duration such as 90s or 10m");
    let duration = humantime::parse_duration(text).map_err(|error| wrong(error.to_string()))?;
    match duration <= LONGEST {
        true => Ok(duration),
        false => Err(wrong("longer than a year".into())),
    }
}

/// A size in bytes, written as in Synapse's configuration: `50M`, also `12.5MiB`; K, M and G count by 1024.
pub(super) fn size(text: &str) -> Result<u64, &'static str> {
    const WAY_OUT: &str = "write a size such as 512K, 50M or 12.5MiB";
    let text = text.trim();
    let unit_at = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.trim().parse().map_err(|_| WAY_OUT)?;
    let bytes = number * unit_bytes(unit).ok_or(WAY_OUT)?;
    match bytes >= 1.0 && bytes < 2f64.powi(53) {
        true => Ok(bytes as u64),
        false => Err("the size must be at least one byte, and one that a disk can hold"),
    }
}

fn unit_bytes(unit: &str) -> Option<f64> {
    match unit.to_ascii_lowercase().as_str() {
        "" | "b" => Some(1.0),
        "k" | "kb" | "kib" => Some(1024.0),
        "m" | "mb" | "mib" => Some(1024.0 * 1024.0),
        "g" | "gb" | "gib" => Some(1024.0 * 1024.0 * 1024.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_count_by_1024() {
        for (text, bytes) in [
            ("1", 1),
            ("512K", 524_288),
            ("50M", 52_428_800),
            ("12.5MiB", 13_107_200),
            ("12.5 mib", 13_107_200),
            ("1g", 1_073_741_824),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in [
            "", "M", "fifty", "5T", "0", "-1M", "1e400", "inf", "NaN", "1 M M",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("1y").map(|year| year.as_secs()), Ok(31_557_600));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for text in ["", "30", "s", "-5s", "30 parsecs", "2y", "500000000000y"] {
            assert!(
                duration(text)
                    .unwrap_err()
                    .ends_with("write a duration such as 90s or 10m"),
                "{text}"
            );
        }
    }
}
