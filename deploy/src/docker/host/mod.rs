//! What the engine's host has and lacks, and what is left on it.

pub(super) mod check;
mod disk;
mod doctor;
mod leftovers;
mod shared_counters;
pub(super) mod shared_files;
mod versions;
