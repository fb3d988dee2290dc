//! What the tests of the whole system share.

pub mod bench;
pub mod chaos;
pub mod harness;
pub mod simulation;
