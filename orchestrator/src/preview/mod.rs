//! One preview: its names, its environment, its lifetime and its current state.

pub mod current;
pub mod environment;
pub mod expiry;
pub mod history;
pub mod named_snapshots;
pub mod names;
pub mod seeds;
pub mod start_path;
