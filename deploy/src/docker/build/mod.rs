//! From a commit to an image: the engine's builder, its limits, and its error messages.

mod buildkit;
mod cache;
mod dockerfile;
mod failure;
pub(super) mod limits;
mod progress;
pub(super) mod registries;
mod run;
pub(super) mod under_way;
