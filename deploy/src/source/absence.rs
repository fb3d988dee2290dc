//! Why a path is not in a context.

use super::Missing;

/// Why a path is not in a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The commit does not have it.
    NotCommitted,
    /// The commit has it and an ignore file keeps it out.
    Ignored {
        /// The ignore file, from the tree's root.
        by: String,
    },
    /// It was looked for in another stage or image, which does not have it.
    Elsewhere {
        /// The stage or image, as the Dockerfile names it.
        stage: String,
    },
    /// It would be in a submodule, or is a file in Git LFS, that was not fetched.
    Missing(Missing),
}
