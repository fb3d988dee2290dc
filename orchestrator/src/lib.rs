//! Decides and drives: lifecycle, store, API, pages, and the program `dayfly`.

pub mod api;
pub mod backup;
pub mod buildlog;
pub mod cache;
pub mod cli;
pub mod client;
pub mod config;
pub mod current;
pub mod diagnosis;
pub mod environment;
pub mod fork_capture;
pub mod gate;
pub mod growth;
pub mod host;
pub mod intake;
pub mod lifecycle;
pub mod lock;
pub mod migrationlog;
pub mod names;
mod pieces;
pub mod prebuilt;
pub mod proxy_process;
pub mod random;
pub mod report;
pub mod routes;
pub mod secrets;
pub mod serve;
pub mod servicelog;
pub mod snapshots;
pub mod sources;
pub mod start_path;
pub mod store;
pub mod sweep;
pub mod text;
pub mod worker;

#[cfg(feature = "demo")]
pub mod demo;
