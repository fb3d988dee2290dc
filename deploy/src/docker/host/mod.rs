//! What the engine's host has and lacks, and what is left on it.

mod disk;
pub(super) mod doctor;
mod leftovers;
mod versions;
