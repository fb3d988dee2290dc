//! A BuildKit client that uses the engine's API directly.
//!
//! A build uses two connections. Over `/grpc` Dayfly sends requests; over `/session` the builder
//! asks for files of the context, secrets, and registry credentials. Both belong to one build and
//! end with it: dropping a build closes them, and that ends the build in the engine.
//!
//! Not here: the choice of builds, labels and tags.

mod cache;
mod files;
mod session;
mod solve;

pub(super) use cache::{records, remove};
pub(super) use files::Sent;
pub(super) use session::Offer;
pub(super) use solve::{Fault, Order, solve, until_ended};
