//! Why an action is refused: a code for programs, and a sentence for people.

use std::fmt;

use deploy::databases::DatabaseError;
use serde::{Deserialize, Serialize};

use crate::store::StoreError;

/// The kind of a refusal. Programs rely on its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request is invalid.
    Invalid,
    /// The caller may not do it.
    NotAllowed,
    /// The object does not exist.
    NotFound,
    /// The upload did not arrive in time.
    TimedOut,
    /// The current state does not allow it; a later one may.
    Conflict,
    /// The upload is too large.
    TooLarge,
    /// The upload arrived, but its content cannot be used.
    Unusable,
    /// As many objects as allowed exist already.
    TooMany,
    /// The server itself failed.
    Failed,
    /// The engine, the forge or the proxy failed.
    OutsideFailed,
    /// The forge accepts no more requests for now.
    Unavailable,
    /// The disk is full.
    Full,
}

/// Why an action is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Refused {
    /// The kind of the refusal.
    pub code: Code,
    /// What happened, and what to do.
    pub sentence: String,
}

impl Refused {
    /// A refusal of this kind.
    pub fn new(code: Code, sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        Self { code, sentence }
    }

    /// The request is invalid.
    pub fn invalid(sentence: impl Into<String>) -> Self {
        Self::new(Code::Invalid, sentence)
    }

    /// The object does not exist.
    pub fn not_found(sentence: impl Into<String>) -> Self {
        Self::new(Code::NotFound, sentence)
    }

    /// The current state does not allow it.
    pub fn conflict(sentence: impl Into<String>) -> Self {
        Self::new(Code::Conflict, sentence)
    }

    /// The engine, the forge or the proxy failed.
    pub fn outside(error: impl fmt::Display) -> Self {
        Self::new(Code::OutsideFailed, error.to_string())
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a request failed in the store");
        let code = match error {
            StoreError::Full => Code::Full,
            _ => Code::Failed,
        };
        Self::new(code, error.to_string())
    }
}

impl From<DatabaseError> for Refused {
    fn from(error: DatabaseError) -> Self {
        let code = match &error {
            DatabaseError::Seed { .. }
            | DatabaseError::SeedUnfit { .. }
            | DatabaseError::Mask { .. }
            | DatabaseError::Unmasked(_) => Code::Unusable,
            DatabaseError::Full(_) => Code::Full,
            DatabaseError::NoData(_) | DatabaseError::Version { .. } => Code::Conflict,
            _ => Code::OutsideFailed,
        };
        Self::new(code, error.to_string())
    }
}
