//! Where the data of a database are in the pool, and what it is called in messages.

use crate::{names::DatabaseKey, pool::Place};

/// Where a database's data are.
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
