//! The reasons in answers why a preview is removed.

use serde::{Deserialize, Serialize};

use crate::lifecycle;

/// Why a preview is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// The pull request was merged.
    Merged,
    /// It was closed without merging.
    Closed,
    /// A user requested the removal.
    Removed,
    /// No one pushed or visited for too long, or its lifetime is over.
    Expired,
    /// The pull request comes from a fork.
    Fork,
    /// The forge has no such pull request, although it has the repository.
    Missing,
}

impl From<lifecycle::Ending> for Ending {
    fn from(ending: lifecycle::Ending) -> Self {
        match ending {
            lifecycle::Ending::Merged => Self::Merged,
            lifecycle::Ending::Closed => Self::Closed,
            lifecycle::Ending::Removed => Self::Removed,
            lifecycle::Ending::Expired => Self::Expired,
            lifecycle::Ending::Fork => Self::Fork,
            lifecycle::Ending::Missing => Self::Missing,
        }
    }
}
