//! The inputs of revisions: source, images that CI builds, secrets of the operator.

pub mod prebuilt;
pub mod secrets;
pub mod sources;
pub mod submodules;
