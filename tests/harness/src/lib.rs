//! A whole Dayfly, spoken to through its front doors only.
//!
//! A real server process on a data directory of its own, a modelled GitHub that sends it signed
//! webhooks, the real engine behind a relay that can misbehave, visitors with plain HTTP. Whatever
//! a test does, nothing of it is left in the engine afterwards; a test after which something would
//! be left fails.

mod alone;
mod api;
mod apps;
mod browser;
mod calls;
mod crowd;
mod data;
mod dayfly;
mod engine;
mod files;
mod http;
mod loss;
mod mounts;
mod neighbour;
mod options;
mod process;
mod pulls;
mod registry;
mod relay;
mod running;
mod visitor;
mod wait;

pub use alone::Alone;
pub use api::{Api, Preview};
pub use apps::App;
pub use browser::Browser;
pub use calls::{Act, Moment, Rule, Seen};
pub use crowd::Crowd;
pub use dayfly::Dayfly;
pub use engine::{Docker, Left};
pub use files::{files_below, files_that_hold};
pub use http::Answer;
pub use neighbour::Neighbour;
pub use options::Options;
pub use process::{Ran, dayfly, run_to_end};
pub use pulls::Pull;
pub use registry::Registry;
pub use relay::Relay;
pub use running::runs;
pub use visitor::Visitor;
pub use wait::{DEADLINE, eventually, eventually_within};
