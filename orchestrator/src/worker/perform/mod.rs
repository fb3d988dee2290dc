//! Runs one step: the only place with effects.

mod assign;
mod build;
mod context;
mod data;
mod dispatch;
mod forge;
mod migrate;
mod probe;
mod remove;
mod run;
mod seed;
mod seen;
mod source;

pub(super) use context::{Effect, Ended, StepError};
pub(super) use dispatch::{deadline, end_attempt, perform};
