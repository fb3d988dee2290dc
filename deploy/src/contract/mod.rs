//! The promises of the three ports, one function each, for every implementation to keep.
//!
//! A promise only uses the ports; a [`Fixture`] supplies what they cannot do.
//! [`contract_promises`](crate::contract_promises) lists all promises, so that an implementation
//! cannot forget one.

mod broken;
mod builds;
mod check;
mod data;
mod databases;
mod fixture;
mod forks;
mod networks;
mod observation;
mod output;
mod promises;
mod runs;
mod seeds;
mod services;
mod snapshots;

pub use broken::{Broken, Kept};
pub use builds::*;
pub use check::clear;
pub use databases::*;
pub use fixture::{Act, BAD_SEED, Fixture, PASSWORD, SEED, Source};
pub use forks::*;
pub use networks::*;
pub use observation::*;
pub use output::*;
pub use runs::*;
pub use seeds::*;
pub use services::*;
pub use snapshots::*;
