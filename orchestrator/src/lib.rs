//! Decides and drives: lifecycle, store, API, pages, and the program `dayfly`.

pub mod actions;
pub mod api;
pub mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod diagnosis;
pub mod forge;
pub mod gate;
pub mod inputs;
pub mod lifecycle;
pub mod logs;
pub mod preview;
pub mod routes;
pub mod serve;
pub mod store;
pub mod text;
pub mod upkeep;
pub mod worker;

#[cfg(feature = "demo")]
pub mod demo;
