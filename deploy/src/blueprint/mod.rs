//! What a checkout asks for.

mod model;

pub use model::{Blueprint, Command, Database, Health, ImageSource, Migrate, Service};
