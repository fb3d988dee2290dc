//! The input of a step, and its result.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use deploy::{
    engine::{EngineError, ServiceKey},
    names::{PreviewId, RevisionNumber, ServiceName},
};
use webhook::forge::ForgeError;

use crate::{
    diagnosis::Way,
    lifecycle::{Diagnosis, RevisionFacts},
    store::StoreError,
    worker::{Ports, PreviewState},
};

/// The result of a step that succeeded.
#[derive(Debug)]
pub(crate) enum Effect {
    Done,
    /// Addresses at which all services were seen ready.
    Ready(BTreeMap<ServiceName, SocketAddr>),
}

/// Why a step failed.
#[derive(Debug)]
pub(crate) enum StepError {
    /// The revision is at fault; a retry would fail in the same way.
    Permanent(Diagnosis),
    /// A retry may succeed; `after` is the delay that the other side asked for.
    Transient {
        reason: String,
        after: Option<Duration>,
    },
}

impl StepError {
    pub(super) fn transient(reason: impl std::fmt::Display) -> Self {
        Self::Transient {
            reason: reason.to_string(),
            after: None,
        }
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        Self::transient(error)
    }
}

impl From<EngineError> for StepError {
    fn from(error: EngineError) -> Self {
        Self::transient(error)
    }
}

impl From<ForgeError> for StepError {
    fn from(error: ForgeError) -> Self {
        let after = match &error {
            ForgeError::RateLimited { retry_after } => Some(*retry_after),
            _ => None,
        };
        Self::Transient {
            reason: error.to_string(),
            after,
        }
    }
}

/// How a step went, and how long it took.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) result: Result<Effect, StepError>,
    pub(crate) took: Duration,
}

/// The input of a step.
pub(super) struct StepContext<'a> {
    pub(super) ports: &'a Ports,
    pub(super) preview: &'a PreviewId,
    pub(super) state: &'a PreviewState,
}

impl StepContext<'_> {
    /// The engine's key of a service of this preview.
    pub(super) fn service_key(&self, number: RevisionNumber, name: &ServiceName) -> ServiceKey {
        ServiceKey {
            preview: self.preview.clone(),
            revision: number,
            service: name.clone(),
        }
    }

    /// The way in which readers of this preview's diagnoses can retry.
    pub(super) fn way(&self) -> Way {
        Way(self.state.row.desired.origin)
    }

    pub(super) fn revision(&self, number: RevisionNumber) -> Result<&RevisionFacts, StepError> {
        let facts = self.state.observed.revision(number);
        facts.ok_or_else(|| StepError::transient(format!("revision {number} is unknown")))
    }
}
