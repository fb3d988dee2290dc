//! Drives previews: one worker per preview observes, decides, and starts what is decided.
//!
//! `observe` finds out what is, [`lifecycle::decide`](crate::lifecycle::decide) says what to do,
//! `perform` is the only place with effects. A worker is woken by a signal that carries nothing,
//! and by a timer; what it does depends on what it sees, never on what woke it.

mod admission;
mod build_queue;
mod memory;
mod observe;
mod perform;
mod ports;
mod preview_state;
mod progress;
mod run;
mod signal;
mod workers;

pub use admission::AdmissionQueue;
pub use build_queue::BuildQueue;
pub use ports::Ports;
pub use preview_state::{PreviewState, StateBoard, UnderWay};
pub use progress::Progress;
pub use workers::Workers;
