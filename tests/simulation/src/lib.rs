//! Seeded lives of a preview, in which everything goes wrong that can.

pub mod model;
pub mod worker;
