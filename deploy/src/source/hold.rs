//! The right to write to a mirror.

use std::fs::File;

use tokio::sync::OwnedMutexGuard;

use super::SourceError;

/// The right to write to a mirror. The file is locked too, and git processes that write inherit
/// it: one that outlived our last life still holds its mirror, and nothing is cleaned up under it.
pub(super) struct Hold {
    pub(super) _turn: OwnedMutexGuard<()>,
    pub(super) file: File,
}

impl Hold {
    /// The lock for a process to inherit.
    pub(super) fn share(&self) -> Result<File, SourceError> {
        self.file
            .try_clone()
            .map_err(SourceError::io("share the mirror's lock"))
    }
}
