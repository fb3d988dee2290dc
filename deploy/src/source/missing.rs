//! Parts of a commit that its tree lacks.

use std::fmt;

use super::SourceError;

/// A part of a commit that its tree lacks. Its text names the kind and path, then the reason,
/// without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its kind.
    pub kind: MissingKind,
    /// Its path from the tree's root.
    pub path: String,
    /// Why it is missing.
    pub lack: Lack,
}

/// Why a part is missing. Its text follows the part's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Fetching failed; the reason is a sentence without a full stop.
    NotFetched(String),
    /// The sender of the tree did not have it.
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

/// The kind of a missing part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingKind {
    /// The files of a submodule.
    Submodule,
    /// A Git LFS file.
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

/// Why a part could not be fetched.
pub(super) enum Fault {
    /// A reason for users; the commit continues without the part.
    Said(String),
    /// An error that fails the whole operation.
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
