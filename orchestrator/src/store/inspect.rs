//! Checks the file of a store that is not in use, and reads a summary of it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{StoreError, writer::refuse_newer};

/// A summary of a store's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreFacts {
    /// The instance that it belongs to.
    pub instance: String,
    /// The number of previews that are not gone.
    pub previews: u64,
}

impl StoreFacts {
    /// Checks the whole file without a change to it.
    ///
    /// # Errors
    /// Where the file is damaged, is no store, or was written by a newer version.
    pub fn of(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        let verdict: String =
            connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if verdict != "ok" {
            return Err(StoreError::Corrupt {
                what: "data",
                why: format!("{}: {verdict}", path.display()),
            });
        }
        refuse_newer(&connection, path)?;
        let instance = "SELECT value FROM meta WHERE key = 'instance'";
        let previews = "SELECT count(*) FROM previews WHERE gone_at IS NULL";
        Ok(Self {
            instance: connection.query_row(instance, [], |row| row.get(0))?,
            previews: connection.query_row(previews, [], |row| row.get::<_, i64>(0))? as u64,
        })
    }
}
