//! The Docker implementation of [`Databases`](crate::databases::Databases): a separate server for
//! each database, on a directory of the pool.
//!
//! Data is deleted with the preview, so servers never flush it to the disk on purpose. But every
//! acknowledged write has reached the kernel. So a copy during a pause contains every commit, and
//! so does the directory after a kill of the server. Only a crash of the host can lose commits.

mod about;
mod client;
mod exec;
mod forking;
mod freezing;
mod growth;
mod hidden;
mod importing;
mod kind;
mod kinds;
mod locks;
mod masking;
mod mysql;
mod other;
mod place;
mod port;
mod postgres;
mod readiness;
mod redis;
pub(super) mod run;
mod script;
mod script_pipe;
mod seed_outcome;
mod seed_run;
mod seeding;
mod server;
mod snapshot_key;
mod snapshots;

pub use growth::OverQuota;
pub(super) use importing::is_import;
pub(super) use locks::DataLocks;
