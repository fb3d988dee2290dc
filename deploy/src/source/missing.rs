//! What a tree does not have of its commit.

use std::fmt;

/// A submodule of a commit whose files are not in its tree. As text it follows "the submodule" and says
/// why, without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Where it would be, from the tree's root.
    pub path: String,
    /// Why it is not there.
    pub lack: Lack,
}

/// Why a submodule's files are not there. As text it follows the submodule's name.
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
