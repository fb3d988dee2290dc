//! How much source is too much.

use std::time::Duration;

/// How large and how slow a source may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files of a commit, and of the pack that brings it.
    pub commit_bytes_max: u64,
    /// Files of a commit.
    pub commit_files_max: usize,
    /// Bytes of a file that is read into memory.
    pub file_bytes_max: u64,
    /// Bytes of all files of one seed.
    pub seed_bytes_max: u64,
    /// How long a fetch or an upload may take.
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            commit_bytes_max: 1 << 30,
            commit_files_max: 200_000,
            file_bytes_max: 16 << 20,
            seed_bytes_max: 100 << 20,
            deadline: Duration::from_secs(300),
        }
    }
}

/// A path longer than this is refused, as Linux would.
pub(super) const PATH_BYTES_MAX: usize = 4096;
/// A link's target longer than this is refused, as Linux would.
pub(super) const LINK_BYTES_MAX: u64 = 4096;
/// What is kept of what git says.
pub(super) const SAID_BYTES_MAX: usize = 16 << 10;
/// How often a running fetch is weighed.
pub(super) const WEIGH_EVERY: Duration = Duration::from_millis(250);
/// How long any other git command may take.
pub(super) const COMMAND_DEADLINE: Duration = Duration::from_secs(60);
/// One piece of an archive.
pub(super) const CHUNK_BYTES: usize = 64 << 10;
/// Links are followed this far, as Linux would.
pub(super) const LINK_HOPS_MAX: usize = 40;
/// An ignore file larger than this is refused.
pub(super) const IGNORE_BYTES_MAX: u64 = 64 << 10;
/// A `.gitmodules` larger than this is refused.
pub(super) const GITMODULES_BYTES_MAX: u64 = 64 << 10;
/// Submodules of a commit, with those of its submodules.
pub(super) const SUBMODULES_MAX: usize = 50;
/// How deep submodules may lie in submodules.
pub(super) const SUBMODULE_DEPTH_MAX: usize = 5;
/// How long one submodule may take.
pub(super) const SUBMODULE_DEADLINE: Duration = Duration::from_secs(60);
/// How long all submodules of a commit may take together.
pub(super) const SUBMODULES_DEADLINE: Duration = Duration::from_secs(300);
