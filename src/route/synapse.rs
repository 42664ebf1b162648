//! Which release of Synapse we stand in front of, and how we know.

use std::fmt;

use crate::matrix::Release;

/// The release whose rows of the endpoint table hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synapse {
    /// The configuration fixes it.
    Configured(Release),
    /// The processes say so.
    Told(Release),
    /// Nobody has said.
    Assumed(Release),
}

impl Synapse {
    /// Until the processes have said: the oldest release, as what only newer ones give to workers the main process
    /// serves too, in all of them.
    pub const UNKNOWN: Self = Self::Assumed(Release::OLDEST);

    /// The release.
    pub fn release(self) -> Release {
        match self {
            Self::Configured(release) | Self::Told(release) | Self::Assumed(release) => release,
        }
    }
}

impl fmt::Display for Synapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self {
            Self::Configured(_) => "configured",
            Self::Told(_) => "as its processes say",
            Self::Assumed(_) => "assumed",
        };
        write!(f, "{}, {how}", self.release())
    }
}
