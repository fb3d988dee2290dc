//! BuildKit, spoken to directly through the engine's API.
//!
//! Two connections make a build: over one we ask (`/grpc`), over the other the builder asks us
//! (`/session`), for files of the context, for secrets, for a registry's credentials. Both belong
//! to one build and end with it: dropping a build cuts them, and that ends it in the engine.
//!
//! Not here: what is built and why, labels and tags.

mod cache;
mod files;
mod session;
mod solve;

pub(super) use cache::{records, remove};
pub(super) use files::Sent;
pub(super) use session::Offer;
pub(super) use solve::{Fault, Order, solve, until_ended};
