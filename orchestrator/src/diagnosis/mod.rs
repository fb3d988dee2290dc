//! Diagnoses: what failed, and how the reader can fix it.
//!
//! All sentences about failures of a revision live here. `DF1xx` is about the checkout, `DF2xx`
//! about building, `DF3xx` about starting, `DF4xx` about databases, `DF9xx` about Dayfly itself.

mod build;
mod checkout;
mod database;
mod ourselves;
mod refusal;
mod registry;
mod say;
mod start;
mod way;

pub use build::{bad_reference, build, image_never_came};
pub use checkout::{blueprint, checkout_gone, secret_missing, source, too_greedy};
pub use database::{
    DataStep, SNAPSHOT_MISSING, database, migration_failed, migration_refused, migration_timed_out,
    seed_missing, snapshot_missing, snapshot_real,
};
pub use ourselves::gave_up;
pub use say::EVIDENCE_LINES_MAX;
pub use start::{End, NotReady, Sight, exited, not_ready, start_refused};
pub use way::Way;
