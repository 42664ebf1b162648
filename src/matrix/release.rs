//! The releases of Synapse, between which endpoints move to workers and go away.

use std::{fmt, str::FromStr};

/// A release such as 1.163. Patch levels, candidates and builds of one release have the same endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release(u32);

/// A text that names no release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a release of Synapse is written such as 1.163.2")]
pub struct NoRelease;

impl Release {
    /// The oldest release that the table is held against (`tests/synapse/registrar`).
    pub const OLDEST: Self = Self::new(1, 157);

    /// The newest release that the table is held against.
    pub const NEWEST: Self = Self::new(1, 163);

    /// Before the first release, and after the last.
    pub(super) const EVER: (Self, Self) = (Self(0), Self(u32::MAX));

    /// The release of these two numbers.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self((major as u32) << 16 | minor as u32)
    }
}

impl FromStr for Release {
    type Err = NoRelease;

    /// Reads what an admin writes and what a homeserver says: `1.163`, `1.163.2`, `1.163.0rc1`, `1.163.2 (b=main,4f2a)`.
    fn from_str(text: &str) -> Result<Self, NoRelease> {
        let (major, rest) = text.split_once('.').ok_or(NoRelease)?;
        let end = rest.find(|c: char| !c.is_ascii_digit());
        let (minor, rest) = rest.split_at(end.unwrap_or(rest.len()));
        if !rest.is_empty() && !rest.starts_with(['.', 'r', ' ', '+']) {
            return Err(NoRelease);
        }
        match (major.parse(), minor.parse()) {
            (Ok(major), Ok(minor)) => Ok(Self::new(major, minor)),
            _ => Err(NoRelease),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 >> 16, self.0 & 0xffff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_admins_and_homeservers_write() {
        for text in [
            "1.163",
            "1.163.2",
            "1.163.0rc1",
            "1.163rc1",
            "1.163.2 (b=main,4f2a1c)",
            "1.163.2+deb12",
        ] {
            assert_eq!(text.parse(), Ok(Release::new(1, 163)), "{text}");
        }
        for text in [
            "", "1", "1.", ".163", "v1.163", "1.x", "1.163-x", "1.99999", "-1.2", "latest",
        ] {
            assert_eq!(text.parse::<Release>(), Err(NoRelease), "{text}");
        }
    }

    #[test]
    fn orders_by_number() {
        assert!(Release::new(1, 99) < Release::new(1, 163));
        assert!(Release::new(2, 0) > Release::new(1, 163));
        assert_eq!(Release::new(1, 163).to_string(), "1.163");
    }
}
