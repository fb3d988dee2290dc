//! One commit's files.

use std::path::PathBuf;

use crate::names::CommitSha;

/// One commit's files, read from a bare mirror's objects; nothing is ever checked out.
#[derive(Clone, Debug)]
pub struct Tree {
    pub(super) mirror: PathBuf,
    pub(super) commit: CommitSha,
}

impl Tree {
    /// The commit.
    pub fn commit(&self) -> &CommitSha {
        &self.commit
    }
}
