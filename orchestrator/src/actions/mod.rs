//! Everything that a person can ask of the server, one action per file.
//!
//! An action holds every rule about itself: the callers that may ask for it, its limits, names and
//! lifetimes, and the sentence of each refusal. It changes the desired state and wakes the worker, or
//! works on named snapshots, which belong to no preview. Each action begins with [`Caller::check`]
//! and fails with [`Refused`].
//!
//! Not here: sockets, JSON and status codes (`api`), and the pages of visitors (`gate`). The types
//! of requests are here, and `api` reads them from JSON as they are.

pub mod ask;
pub mod backup;
mod caller;
mod change;
pub mod database;
pub mod find;
pub mod fork_capture;
mod hours;
pub mod logs;
pub mod reach;
mod refused;
pub mod relink;
pub mod remove;
pub mod reset;
pub mod snapshot;
pub mod undo;
pub mod up;

pub use ask::AskRequest;
pub use caller::{Action, Caller};
pub use database::DatabaseRequest;
pub use fork_capture::CopyRequest;
pub use logs::LogsRequest;
pub use refused::{Code, Refused};
pub use relink::RelinkRequest;
pub use reset::ResetRequest;
pub use snapshot::{ImportRequest, SaveRequest};
pub use up::UpRequest;
