//! What a tree does not have of its commit.

use super::SourceError;

/// Something of a commit that is not in its tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What it is.
    pub kind: MissingKind,
    /// Where it would be, from the tree's root.
    pub path: String,
    /// Why it is not there: a sentence without its end that follows "was not fetched:".
    pub why: String,
}

/// What of a commit can be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingKind {
    /// The files of a submodule.
    Submodule,
    /// A file whose content is in Git LFS.
    LfsFile,
}

/// Why something could not be fetched.
pub(super) enum Fault {
    /// What people read about it; the commit goes on without.
    Said(String),
    /// What nobody can go on with.
    Of(SourceError),
}

impl From<String> for Fault {
    fn from(why: String) -> Self {
        Self::Said(why)
    }
}

impl From<SourceError> for Fault {
    fn from(error: SourceError) -> Self {
        Self::Of(error)
    }
}
