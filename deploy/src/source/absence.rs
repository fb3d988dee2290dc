//! Why a path is not in a context.

use super::Missing;

/// Why a path is not in a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The commit does not have it.
    NotCommitted,
    /// The commit has it, but an ignore file excludes it.
    Ignored {
        /// The ignore file's path from the tree's root.
        by: String,
    },
    /// It was expected in another stage or image, which does not have it.
    Elsewhere {
        /// The stage or image, as the Dockerfile names it.
        stage: String,
    },
    /// It would be in a submodule, or is a Git LFS file, that was not fetched.
    Missing(Missing),
}
