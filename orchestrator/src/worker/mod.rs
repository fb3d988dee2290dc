//! Drives previews: one worker per preview observes, decides, and starts the next steps.
//!
//! `observe` collects the current state, [`lifecycle::decide`](crate::lifecycle::decide) plans the
//! next steps, and `perform` is the only place with effects. A signal without content or a timer
//! wakes a worker. Its actions depend on the observed state, never on the reason for the wake-up.

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
