//! Why there is no blueprint.

use crate::source::SourceError;

/// Why a checkout cannot be read as a blueprint. Except for [`BlueprintError::Source`] the same
/// commit fails the same way.
#[derive(Debug, thiserror::Error)]
pub enum BlueprintError {
    /// A file asks for something that cannot be, or cannot be understood.
    #[error("{file}:{line}: {message}")]
    Invalid {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// What is wrong, and what to do.
        message: String,
    },
    /// No file says what to run.
    #[error("{0}")]
    Nothing(String),
    /// The commit's files cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}
