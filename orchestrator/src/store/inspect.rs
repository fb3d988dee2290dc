//! Checks the file of a store that is not in use, and reads a summary of it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{StoreError, writer::refuse_newer};

/// The instance that a store belongs to.
const INSTANCE: &str = "SELECT value FROM meta WHERE key = 'instance'";

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
        let previews = "SELECT count(*) FROM previews WHERE gone_at IS NULL";
        Ok(Self {
            instance: connection.query_row(INSTANCE, [], |row| row.get(0))?,
            previews: connection.query_row(previews, [], |row| row.get::<_, i64>(0))? as u64,
        })
    }
}

/// The instance in the records of a data directory whose server does not run; none where they cannot be
/// read. Nothing is written: SQLite could leave files of this user beside the records.
pub fn instance_at_rest(data: &Path) -> Option<String> {
    let path = data.join("dayfly.db");
    let path = path.to_str()?.replace('%', "%25");
    let path = path.replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let records = Connection::open_with_flags(format!("file:{path}?immutable=1"), flags).ok()?;
    records.query_row(INSTANCE, [], |row| row.get(0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn records_without_a_server_name_their_instance_and_stay_untouched() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(instance_at_rest(data.path()), None);
        let live = tempfile::tempdir().unwrap();
        let store = crate::store::Store::open(&live.path().join("dayfly.db")).unwrap();
        let records = data.path().join("dayfly.db");
        store.copy_to(&records).await.unwrap();
        let instance = store.instance().to_string();
        assert_eq!(instance_at_rest(data.path()), Some(instance));
        assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 1);
    }
}
