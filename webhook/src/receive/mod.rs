//! Webhooks in: read with a limit, verified over the raw bytes, then parsed, then kept.
//!
//! Not here: what is done about a delivery. The payload only says where to look.

mod body;
mod payload;
mod problem;
mod router;
mod signature;

pub use router::{ReceiveConfig, router};
