//! Dayfly beside the plain commands that it replaces, measured in one run on one machine.
//!
//! Every figure stands next to its comparison, and both are taken in turns, so that whatever else
//! the machine does falls on both. Goals that are missed are printed as missed.

mod acks;
mod backup;
mod builder;
mod calm;
mod disk;
mod forks;
mod forks_running;
mod heavy;
mod imports;
mod neighbour;
mod numbers;
mod options;
mod plain;
mod row;
mod run;
mod shop;
mod turnaround;
mod unchanged;
mod wave;

pub use options::Options;
pub use row::{Row, table};
pub use run::run;
