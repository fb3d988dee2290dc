//! The engine's host: checks, disk use, and leftovers.

pub(super) mod check;
mod disk;
mod doctor;
mod leftovers;
mod shared_counters;
pub(super) mod shared_files;
mod versions;
