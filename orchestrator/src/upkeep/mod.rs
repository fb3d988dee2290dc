//! What is done from time to time for all previews together, and what no preview asks for itself.

pub mod backups;
pub mod cache;
pub mod growth;
pub mod hints;
mod housekeeping;
mod poll;
pub mod snapshots;
pub mod sweep;
