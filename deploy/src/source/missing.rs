//! What a tree does not have of its commit.

use std::fmt;

use super::SourceError;

/// Something of a commit that is not in its tree. As text it follows what it is and says why, without a
/// full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What it is.
    pub kind: MissingKind,
    /// Where it would be, from the tree's root.
    pub path: String,
    /// Why it is not there.
    pub lack: Lack,
}

/// Why something is not there. As text it follows its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// They could not be fetched, and why: a sentence without its end.
    NotFetched(String),
    /// Who sent the tree did not have them.
    NotSent,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.lack)
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFetched(why) => write!(f, "was not fetched: {why}"),
            Self::NotSent => {
                f.write_str("was not sent: it is not checked out in the folder that was sent")
            }
        }
    }
}

/// What of a commit can be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingKind {
    /// The files of a submodule.
    Submodule,
    /// A file whose content is in Git LFS.
    LfsFile,
}

impl fmt::Display for MissingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Submodule => "the submodule",
            Self::LfsFile => "the Git LFS file",
        })
    }
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
