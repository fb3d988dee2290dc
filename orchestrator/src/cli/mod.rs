//! The command line: one module per command.

mod args;
mod backup;
mod call;
mod config;
mod db;
mod demo;
mod doctor;
mod down;
mod list;
mod logs;
mod output;
mod proxy;
mod relink;
mod remove;
mod render;
mod render_blueprint;
mod render_data;
mod rewind;
mod run;
mod serve;
mod show;
mod snapshot;
mod start;
mod take;
mod units;
mod up;
mod upload;

pub use args::Arguments;
pub use run::main;
