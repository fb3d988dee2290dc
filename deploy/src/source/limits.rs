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
    /// Bytes of all Git LFS files of a commit and its submodules, which [`Limits::commit_bytes_max`]
    /// does not count.
    pub lfs_bytes_max: u64,
    /// Bytes of the Git LFS objects that are kept of all repositories; those that a tree has stay in any
    /// case.
    pub lfs_cache_bytes_max: u64,
    /// How long the Git LFS files of a commit may take together, and then those of all its submodules.
    /// What came until then is kept.
    pub lfs_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            commit_bytes_max: 1 << 30,
            commit_files_max: 200_000,
            file_bytes_max: 16 << 20,
            seed_bytes_max: 100 << 20,
            deadline: Duration::from_secs(300),
            lfs_bytes_max: 2 << 30,
            lfs_cache_bytes_max: 10 << 30,
            lfs_deadline: Duration::from_secs(600),
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
/// A file of this many bytes, or more, is no pointer of Git LFS, by its specification.
pub(super) const LFS_POINTER_BYTES_END: u64 = 1024;
/// Pointers that are held in memory at once, as files.
pub(super) const LFS_POINTERS_AT_ONCE: usize = 1000;
/// Git LFS files of a commit, with those of its submodules.
pub(super) const LFS_FILES_MAX: usize = 10_000;
/// Objects that are asked for in one request, as Git LFS itself does.
pub(super) const LFS_BATCH_OBJECTS: usize = 100;
/// Objects that are received at once.
pub(super) const LFS_AT_ONCE: usize = 4;
/// Bytes of an answer about a batch of objects.
pub(super) const LFS_ANSWER_BYTES_MAX: usize = 4 << 20;
/// Redirects that one object is followed through.
pub(super) const LFS_REDIRECTS_MAX: usize = 3;
/// How long a connection to a host of objects may take.
pub(super) const LFS_CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// How long a host of objects may send nothing.
pub(super) const LFS_STALL_DEADLINE: Duration = Duration::from_secs(60);
/// How long the Git LFS files of one submodule may take.
pub(super) const LFS_SUBMODULE_DEADLINE: Duration = Duration::from_secs(300);
/// Objects that were not used for this long are removed.
pub(super) const LFS_UNUSED: Duration = Duration::from_secs(7 * 24 * 3600);
