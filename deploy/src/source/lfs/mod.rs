//! Files with content in Git LFS: a commit has pointers, and the forge has the objects.
//!
//! Git's own filters never run here. The commit says which files are pointers. The client requests
//! their objects from the forge that the repository was fetched from, and stores them by SHA-256 in
//! a folder beside the mirror. `.lfsconfig` is ignored.

mod attributes;
mod batch;
mod cache;
mod client;
mod commit;
mod download;
mod files;
mod objects;
mod pointer;
mod request;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub(super) use cache::Cache;
pub(super) use commit::with_contents;
pub(super) use files::LfsFiles;
pub(super) use objects::Objects;
