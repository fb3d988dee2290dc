//! The lock for writing to a mirror.

use std::fs::File;

use tokio::sync::OwnedMutexGuard;

use super::SourceError;

/// The right to write to a mirror. The lock file is locked too, and writing git processes inherit
/// it. So a git process that survived a server crash still holds its mirror, and nothing is cleaned
/// up under it.
pub(super) struct Hold {
    pub(super) _turn: OwnedMutexGuard<()>,
    pub(super) file: File,
}

impl Hold {
    /// A handle of the lock for a child process.
    pub(super) fn share(&self) -> Result<File, SourceError> {
        self.file
            .try_clone()
            .map_err(SourceError::io("share the mirror's lock"))
    }
}
