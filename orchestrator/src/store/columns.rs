//! Single columns of revisions, which hold JSON.

use deploy::names::{PreviewId, RevisionNumber};
use rusqlite::{Connection, OptionalExtension, Savepoint, params};
use serde::{Serialize, de::DeserializeOwned};

use super::writer::{StoreError, from_json, to_json};

/// Reads and changes a column in one transaction. Does nothing where the revision does not exist.
pub(super) fn change_in<T: Serialize + DeserializeOwned>(
    tx: &Savepoint<'_>,
    preview: &PreviewId,
    number: RevisionNumber,
    name: &'static str,
    change: impl FnOnce(&mut T),
) -> Result<(), StoreError> {
    let Some(text) = column(tx, preview, number, name)? else {
        return Ok(());
    };
    let mut value = from_json(name, &text)?;
    change(&mut value);
    set(tx, preview, number, name, &to_json(name, &value)?)
}

/// One JSON column; `name` is a constant, never user input.
fn column(
    connection: &Connection,
    preview: &PreviewId,
    number: RevisionNumber,
    name: &'static str,
) -> Result<Option<String>, StoreError> {
    let sql = format!("SELECT {name} FROM revisions WHERE preview = ?1 AND number = ?2");
    let value = connection
        .prepare_cached(&sql)?
        .query_row(params![preview.as_str(), number.0], |row| row.get(0))
        .optional()?;
    Ok(value)
}

pub(super) fn set(
    tx: &Savepoint<'_>,
    preview: &PreviewId,
    number: RevisionNumber,
    name: &'static str,
    value: &str,
) -> Result<(), StoreError> {
    let sql = format!("UPDATE revisions SET {name} = ?3 WHERE preview = ?1 AND number = ?2");
    tx.prepare_cached(&sql)?
        .execute(params![preview.as_str(), number.0, value])?;
    Ok(())
}
