//! Reads a checkout's blueprint from `dayfly.toml`, else from its compose files, else from a
//! `Dockerfile`: each reader fills the same draft, and the defaults of the draft are filled in once.
//! If all are missing, the error says what to add.

mod advice;
mod beside;
mod compose;
mod databases;
mod dayfly_toml;
mod defaults;
mod dockerfile;
mod draft;
mod error;
mod kind;
mod migrations;
mod model;
mod nearest;
mod port;
mod read;
mod run;
mod seed;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use dockerfile::instructions;
pub use error::BlueprintError;
pub use kind::{engine_words, known_kind};
pub use model::{
    Blueprint, BlueprintVersion, Command, Database, DatabaseKind, Health, HealthCheck, ImageSource,
    Migrate, OnPush, ProcessOptions, SeedSource, Service, UnknownVersion,
};
pub use nearest::nearest;
pub use read::read;
pub use values::IMAGE_PLACEHOLDERS;
