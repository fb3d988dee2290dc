//! Checks the store of an archive.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, ensure};
use rusqlite::{Connection, OpenFlags};

use super::Manifest;
use crate::{store::StoreFacts, text::plain};

/// Tables of a store of any format.
const TABLES: [&str; 8] = [
    "databases",
    "deliveries",
    "events",
    "meta",
    "previews",
    "repositories",
    "revisions",
    "sessions",
];

/// Checks a store's file as a restore needs it, without a change to it.
///
/// # Errors
/// Where it is damaged, lacks a table, or belongs to another instance than the manifest says.
pub(super) fn store_facts(path: &Path, manifest: &Manifest) -> anyhow::Result<StoreFacts> {
    let tables = tables(path).context("the store of the archive cannot be read")?;
    for table in TABLES {
        ensure!(
            tables.contains(table),
            "the store of the archive has no table {table}"
        );
    }
    let facts = StoreFacts::of(path)?;
    ensure!(
        facts.instance == manifest.instance,
        "the archive names instance {}, but its store belongs to {}",
        plain(&manifest.instance),
        plain(&facts.instance)
    );
    Ok(facts)
}

/// The names of its tables. A view is none: reading it may never end.
fn tables(path: &Path) -> rusqlite::Result<BTreeSet<String>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    let mut names = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let names = names.query_map([], |row| row.get::<_, String>(0))?;
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn a_new_store_has_the_tables_of_every_format() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("live.db")).unwrap();
        let copy = folder.path().join("copy.db");
        store.copy_to(&copy).await.unwrap();
        let found = tables(&copy).unwrap();
        assert!(
            TABLES.iter().all(|table| found.contains(*table)),
            "{found:?}"
        );
    }
}
