//! A fake of the ports: one simulated host, with scripted applications and faults.
//!
//! It keeps the promises of [`contract`](crate::contract). If a call would silently do harm on a
//! real engine, it records a violation. Time is tokio's, so paused time works.
//!
//! The objects of one preview ([`Objects`]) are synchronous; the simulation's model has them too.

mod app;
mod builder;
mod call;
mod control;
mod data;
mod data_access;
mod databases;
mod describe;
mod effects;
mod engine;
mod fault;
mod flight;
mod handle;
mod logs;
mod objects;
mod rules;
mod seed;
mod server;
mod service;
mod stored;
#[cfg(test)]
mod tests;
mod world;

pub use app::{AppScript, BuildScript, StartScript};
pub use call::{Call, Op, Outcome};
pub use fault::Fault;
pub use handle::FakeEngine;
pub use objects::{DatabaseAt, Objects, Run, ServiceAt};
pub use service::{KILLED, Service};
pub use stored::{BuildCounts, Data, Server};
