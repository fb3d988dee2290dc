//! The limits on source.

use std::time::Duration;

/// Limits on the size and duration of source operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum bytes of all files of a commit, and of the pack that brings it.
    pub commit_bytes_max: u64,
    /// Maximum files of a commit.
    pub commit_files_max: usize,
    /// Maximum bytes of a file that is read into memory.
    pub file_bytes_max: u64,
    /// Maximum bytes of all files of one seed.
    pub seed_bytes_max: u64,
    /// Time limit of a fetch or an upload.
    pub deadline: Duration,
    /// Maximum bytes of all Git LFS files of a commit and its submodules, which
    /// [`Limits::commit_bytes_max`] does not count.
    pub lfs_bytes_max: u64,
    /// Maximum bytes of the cached Git LFS objects of all repositories; objects in use stay in any
    /// case.
    pub lfs_cache_bytes_max: u64,
    /// Time limit for the Git LFS files of a commit together, and then for those of all its
    /// submodules. Objects received until then are kept.
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

/// Maximum bytes of a path, as on Linux.
pub(super) const PATH_BYTES_MAX: usize = 4096;
/// Maximum bytes of a link's target, as on Linux.
pub(super) const LINK_BYTES_MAX: u64 = 4096;
/// Maximum bytes of git's messages that are kept.
pub(super) const SAID_BYTES_MAX: usize = 16 << 10;
/// How often the size of a running fetch is checked.
pub(super) const WEIGH_EVERY: Duration = Duration::from_millis(250);
/// Time limit of any other git command.
pub(super) const COMMAND_DEADLINE: Duration = Duration::from_secs(60);
/// Bytes of one piece of an archive.
pub(super) const CHUNK_BYTES: usize = 64 << 10;
/// Maximum links that are followed in a row, as on Linux.
pub(super) const LINK_HOPS_MAX: usize = 40;
/// Maximum bytes of an ignore file.
pub(super) const IGNORE_BYTES_MAX: u64 = 64 << 10;
/// Maximum bytes of a `.gitmodules`.
pub(super) const GITMODULES_BYTES_MAX: u64 = 64 << 10;
/// Maximum submodules of a commit, including nested ones.
pub(super) const SUBMODULES_MAX: usize = 50;
/// Maximum nesting depth of submodules.
pub(super) const SUBMODULE_DEPTH_MAX: usize = 5;
/// Time limit for one submodule.
pub(super) const SUBMODULE_DEADLINE: Duration = Duration::from_secs(60);
/// Time limit for all submodules of a commit together.
pub(super) const SUBMODULES_DEADLINE: Duration = Duration::from_secs(300);
/// A file of this many bytes or more is no Git LFS pointer, by its specification.
pub(super) const LFS_POINTER_BYTES_END: u64 = 1024;
/// Maximum pointer files that are in memory at once.
pub(super) const LFS_POINTERS_AT_ONCE: usize = 1000;
/// Maximum Git LFS files of a commit, including its submodules.
pub(super) const LFS_FILES_MAX: usize = 10_000;
/// Objects per batch request, as in Git LFS itself.
pub(super) const LFS_BATCH_OBJECTS: usize = 100;
/// Concurrent downloads.
pub(super) const LFS_AT_ONCE: usize = 4;
/// Maximum bytes of an answer to a batch request.
pub(super) const LFS_ANSWER_BYTES_MAX: usize = 4 << 20;
/// Maximum redirects for one object.
pub(super) const LFS_REDIRECTS_MAX: usize = 3;
/// Time limit for connecting to an object host.
pub(super) const LFS_CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// How long an object host may send nothing.
pub(super) const LFS_STALL_DEADLINE: Duration = Duration::from_secs(60);
/// Time limit for the Git LFS files of one submodule.
pub(super) const LFS_SUBMODULE_DEADLINE: Duration = Duration::from_secs(300);
/// Objects that were unused for this long are removed.
pub(super) const LFS_UNUSED: Duration = Duration::from_secs(7 * 24 * 3600);
