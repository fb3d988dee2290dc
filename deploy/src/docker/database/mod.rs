//! Docker as the port's [`Databases`](crate::databases::Databases): a server of its own for each
//! database, on a directory of the pool.
//!
//! Data are thrown away with the preview, so nothing is ever flushed to the disk on purpose. What a
//! server acknowledged was handed to the kernel, though: a copy that is taken while it stands still
//! holds every commit, and so does the directory after the server was killed. Only a crash of the
//! host may lose some.

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
mod run;
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
