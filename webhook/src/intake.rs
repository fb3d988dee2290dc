//! The port from a verified delivery to whoever keeps it.

use async_trait::async_trait;

use crate::{forge::Repository, names::PullRequestNumber};

/// A delivery after its signature was verified and its payload read. The payload only tells which
/// pull request to refresh; everything else about it is read from the forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The forge's own id of the delivery; a redelivery carries the same one.
    pub guid: String,
    /// The event's name, such as `pull_request`; at most 100 characters.
    pub event: String,
    /// The action, such as `synchronize`, where the event has one; at most 100 characters.
    pub action: Option<String>,
    /// What to do about it.
    pub hint: Hint,
}

/// What a delivery asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Read this pull request again.
    Refresh {
        /// Its repository, by the id and the name in the payload.
        repository: Repository,
        /// Its number.
        number: PullRequestNumber,
    },
    /// Read every pull request again that has a preview of this repository, which was renamed, moved or
    /// deleted.
    RefreshAll {
        /// The repository.
        repository: Repository,
    },
    /// Nothing to do; the reason is recorded and shown.
    Ignored {
        /// One sentence.
        reason: String,
    },
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is on disk.
    Recorded,
    /// It is on disk, and nothing is done about it.
    Ignored,
    /// One with this id was on disk before.
    Duplicate,
}

/// Keeps deliveries.
#[async_trait]
pub trait Intake: Send + Sync + 'static {
    /// Puts the delivery and its wake-up on disk, in one transaction. When this returns, a crash
    /// loses neither.
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, IntakeError>;
}

/// The delivery could not be kept; the forge is told to try again later (503).
#[derive(Debug, thiserror::Error)]
#[error("the delivery could not be kept: {0}")]
pub struct IntakeError(pub String);
