//! The phases in answers. A phase of the lifecycle gets its word here, so that a new one does not
//! change the API by accident.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lifecycle;

/// The phase of a preview, a service or a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It waits for the forge or for a free place.
    Queued,
    /// Its commit is being fetched and built.
    Building,
    /// Its databases and services are starting.
    Starting,
    /// Its newest commit serves.
    Live,
    /// An older commit serves while a newer one is being prepared.
    Updating,
    /// Its newest commit cannot serve; an older one may.
    Failed,
    /// Its objects are being removed.
    Closing,
    /// Nothing is left of it.
    Gone,
    /// It is kept as it was at one moment. Only its forks run.
    Captured,
}

impl Phase {
    /// The name of the phase for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Building => "building",
            Self::Starting => "starting",
            Self::Live => "live",
            Self::Updating => "updating",
            Self::Failed => "failed",
            Self::Closing => "closing",
            Self::Gone => "gone",
            Self::Captured => "captured",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl From<lifecycle::Phase> for Phase {
    fn from(phase: lifecycle::Phase) -> Self {
        match phase {
            lifecycle::Phase::Queued => Self::Queued,
            lifecycle::Phase::Building => Self::Building,
            lifecycle::Phase::Starting => Self::Starting,
            lifecycle::Phase::Live => Self::Live,
            lifecycle::Phase::Updating => Self::Updating,
            lifecycle::Phase::Failed => Self::Failed,
            lifecycle::Phase::Closing => Self::Closing,
            lifecycle::Phase::Gone => Self::Gone,
            lifecycle::Phase::Captured => Self::Captured,
        }
    }
}
