//! From a commit to an image: the engine's builder, and what bounds and explains it.

mod buildkit;
mod cache;
mod dockerfile;
mod failure;
pub(super) mod limits;
mod progress;
pub(super) mod registries;
mod run;
pub(super) mod under_way;
