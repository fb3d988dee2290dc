//! What a tree does not have of its commit.

/// A submodule of a commit whose files are not in its tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Where it would be, from the tree's root.
    pub path: String,
    /// Why it is not there: a sentence without its end that follows "was not fetched:".
    pub why: String,
}
