//! Reads a checkout's blueprint from `dayfly.toml`, or derives it from a `Dockerfile`. If both are
//! missing, the error says what to add.

mod advice;
mod beside;
mod database;
mod databases;
mod defaults;
mod dockerfile;
mod document;
mod error;
mod kind;
mod migrations;
mod model;
mod nearest;
mod port;
mod read;
mod run;
mod section;
mod seed;
mod service;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use dockerfile::instructions;
pub use error::BlueprintError;
pub use kind::{engine_words, known_kind};
pub use model::{
    Blueprint, BlueprintVersion, Command, Database, DatabaseKind, Health, ImageSource, Migrate,
    OnPush, SeedSource, Service, UnknownVersion,
};
pub use nearest::nearest;
pub use read::read;
pub use service::IMAGE_PLACEHOLDERS;
