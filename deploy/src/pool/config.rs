//! The configuration of a pool.

use std::path::PathBuf;

/// The location and limits of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// The pool's directory; it must contain nothing else.
    pub directory: PathBuf,
    /// The file with a file system that can share blocks, in case the directory's cannot.
    pub file: PathBuf,
    /// Maximum size of that file, in MiB; at least 512.
    pub file_mib_max: u64,
    /// Space to keep free, in MiB: below it, [`Pool::blocker`](super::Pool::blocker) returns a
    /// reason.
    pub free_mib_min: u64,
}

impl PoolConfig {
    /// Maximum size of the file, in bytes.
    pub(super) fn file_bytes_max(&self) -> u64 {
        self.file_mib_max.saturating_mul(MIB)
    }
}

/// One MiB in bytes.
pub(super) const MIB: u64 = 1 << 20;
