//! The directory in which all data directories of databases live, on a file system that can share
//! blocks where there is one.
//!
//! Responsible for: finding or making such a file system, places in it, clones of whole trees,
//! room, and giving room back. Not here: containers, databases, and what a place is good for.

mod archive;
mod calm;
mod clone;
mod clone_file;
mod clone_tree;
mod config;
mod copy;
mod delete;
mod draft;
mod error;
mod handle;
mod layout;
mod listing;
mod loop_file;
mod mounts;
mod open;
mod place;
mod program;
mod recency;
mod size;
mod space;
#[cfg(test)]
mod tests;
mod trash;
mod tree;
mod usage;
mod walk;
mod way;

pub use clone::{Cloned, Part};
pub use config::PoolConfig;
pub use draft::Draft;
pub use error::PoolError;
pub use handle::Pool;
pub use listing::Listing;
pub use place::Place;
pub use size::Size;
pub use space::Space;
pub use usage::Usage;
pub use way::Way;
