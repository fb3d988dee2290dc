//! What one preview is called, what it is given, and what is known of it right now.

pub mod current;
pub mod environment;
pub mod fork_capture;
pub mod history;
pub mod named_snapshots;
pub mod names;
pub mod seeds;
pub mod start_path;
