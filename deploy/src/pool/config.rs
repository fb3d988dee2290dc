//! Where a pool is and how large it may be.

use std::path::PathBuf;

/// Where a pool is and how large it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// The directory that holds everything; nobody else puts anything there.
    pub directory: PathBuf,
    /// The file that holds a file system of our own where the directory's cannot share blocks.
    pub file: PathBuf,
    /// How large that file may become, in MiB; at least 512.
    pub file_mib_max: u64,
    /// How much is kept free, in MiB: below it [`Pool::blocker`](super::Pool::blocker) speaks.
    pub free_mib_min: u64,
}

impl PoolConfig {
    /// The most that the file may hold, in bytes.
    pub(super) fn file_bytes_max(&self) -> u64 {
        self.file_mib_max.saturating_mul(MIB)
    }
}

/// One MiB in bytes.
pub(super) const MIB: u64 = 1 << 20;
