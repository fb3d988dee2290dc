//! The errors of reading a blueprint.

use crate::source::SourceError;

/// Why a checkout is not a valid blueprint. Except for [`BlueprintError::Source`], the same commit
/// always fails in the same way.
#[derive(Debug, thiserror::Error)]
pub enum BlueprintError {
    /// A value in a file is invalid.
    #[error("{file}:{line}: {message}")]
    Invalid {
        /// The file.
        file: String,
        /// Its line, counted from 1.
        line: usize,
        /// What is wrong and how to fix it.
        message: String,
    },
    /// No file says what to run; the text is advice.
    #[error("{0}")]
    Nothing(String),
    /// The commit's files are unreadable.
    #[error(transparent)]
    Source(#[from] SourceError),
}
