//! What a checkout asks for: read from `dayfly.toml`, else guessed from a `Dockerfile`, else a
//! sentence that says what is missing.

mod advice;
mod database;
mod databases;
mod defaults;
mod dockerfile;
mod document;
mod error;
mod model;
mod nearest;
mod read;
mod section;
mod service;
mod words;

pub(crate) use dockerfile::instructions;
pub use error::BlueprintError;
pub use model::{Blueprint, Command, Database, Health, ImageSource, Migrate, Service};
pub use nearest::nearest;
pub use read::read;
pub use service::IMAGE_PLACEHOLDERS;
