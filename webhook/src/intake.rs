//! The port from a verified delivery to the component that stores it.

use async_trait::async_trait;

use crate::{forge::Repository, names::PullRequestNumber};

/// A delivery with a verified signature and a parsed payload. The payload only says which pull
/// request to refresh; all other facts are read from the forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The forge's own id of the delivery; a redelivery carries the same one.
    pub guid: String,
    /// The event's name, such as `pull_request`; at most 100 characters.
    pub event: String,
    /// The action, such as `synchronize`, if the event has one; at most 100 characters.
    pub action: Option<String>,
    /// What the receiver should do about it.
    pub hint: Hint,
}

/// The action that a delivery asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Refresh this pull request from the forge.
    Refresh {
        /// Its repository, with the id and name in the payload.
        repository: Repository,
        /// Its number.
        number: PullRequestNumber,
    },
    /// Refresh every pull request that has a preview in this repository, which was renamed, moved
    /// or deleted.
    RefreshAll {
        /// The repository.
        repository: Repository,
    },
    /// Do nothing; the reason is recorded and shown.
    Ignored {
        /// One sentence.
        reason: String,
    },
}

/// The outcome of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is stored.
    Recorded,
    /// It is stored and needs no action.
    Ignored,
    /// A delivery with this id was already stored.
    Duplicate,
}

/// Stores deliveries.
#[async_trait]
pub trait Intake: Send + Sync + 'static {
    /// Stores the delivery and its wake-up in one transaction. When this returns, both survive a
    /// crash.
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, IntakeError>;
}

/// The delivery could not be stored; the forge gets a 503 and should send it again.
#[derive(Debug, thiserror::Error)]
#[error("cannot store the delivery: {0}")]
pub struct IntakeError(pub String);
