//! Files whose content is in Git LFS: a commit has pointers, and the forge has the objects.
//!
//! Git's own filters never run here. Which files are pointers is read from the commit, the forge that
//! the repository was fetched from is asked for the objects, and what came is kept by its SHA-256 in a
//! folder beside the mirror. Nothing that `.lfsconfig` says is read.

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
