//! Periodic and background work for all previews together.

pub mod backups;
pub mod cache;
pub mod growth;
pub mod hints;
mod housekeeping;
mod poll;
pub mod snapshots;
pub mod sweep;
