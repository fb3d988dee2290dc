//! The directory with all data directories of databases, if possible on a file system that can
//! share blocks.
//!
//! Responsible for: finding or creating such a file system, places in it, clones of whole trees,
//! and free space. Not here: containers, databases, and the purpose of a place.

mod archive;
mod clone;
mod clone_file;
mod clone_method;
mod clone_priority;
mod clone_tree;
mod config;
mod copy;
mod delete;
mod error;
mod handle;
mod layout;
mod listing;
mod loop_file;
mod mounts;
mod open;
mod part;
mod place;
mod probe;
mod program;
mod recency;
mod size;
mod space;
mod staging;
#[cfg(test)]
mod tests;
mod trash;
mod tree;
mod usage;
mod walk;

pub use archive::ARCHIVE_DEPTH_MAX;
pub use clone::Cloned;
pub use clone_method::CloneMethod;
pub use config::PoolConfig;
pub use error::PoolError;
pub use handle::Pool;
pub use listing::Listing;
pub use part::Part;
pub use place::Place;
pub use size::Size;
pub use space::Space;
pub use staging::Staging;
pub use usage::Usage;
