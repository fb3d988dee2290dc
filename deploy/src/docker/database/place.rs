//! The place of a database's data in the pool, and the database's name in messages.

use crate::{names::DatabaseKey, pool::Place};

/// The place of a database's data.
pub(super) fn place(key: &DatabaseKey) -> Place {
    Place::Data {
        preview: key.preview.clone(),
        generation: key.generation,
        database: key.name.clone(),
    }
}

pub(super) fn describe(key: &DatabaseKey) -> String {
    format!("database {} of {}", key.name, key.preview)
}
