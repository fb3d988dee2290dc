//! Incoming webhooks: read with limits, verified over the raw bytes, parsed, then stored.
//!
//! Not here: the reaction to a delivery. The payload only says what to refresh.

mod body;
mod payload;
mod problem;
mod router;
mod signature;

pub use router::{ReceiveConfig, router};
