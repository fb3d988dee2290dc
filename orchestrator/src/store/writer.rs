//! One connection that writes, in a thread of its own, and one that reads.
//!
//! Waiting writes share one commit. Each runs in its own savepoint, so that a failed write affects
//! no other, and all return after the commit. With `synchronous=FULL` the commit is on disk by
//! then.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use deploy::names::Instance;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction};
use rusqlite_migration::{M, Migrations};
use tokio::sync::oneshot;

use super::reserve::Reserve;

/// How many waiting writes share one commit.
const GROUP_MAX: usize = 256;
/// How many writes may wait; beyond that, callers wait for room in the queue.
const QUEUE_MAX: usize = 4_096;
/// How long a statement waits for another process that holds the file (a backup).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An error of SQLite.
    #[error("the store failed: {0}")]
    Sqlite(rusqlite::Error),
    /// The disk is full, including the reserve of the store. Nothing was changed.
    #[error(
        "the disk of the data directory is full, and the change was not stored; free disk space, \
         then retry"
    )]
    Full,
    /// The commit failed. Nothing was changed.
    #[error("the store could not save the change: {0}")]
    Uncommitted(String),
    /// The database was written by a newer Dayfly.
    #[error(
        "a newer dayfly wrote {path} (format {found}; this version reads up to {known}); run the \
         newer version, or restore a backup from before the upgrade"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: usize,
        /// The newest format that this version reads.
        known: usize,
    },
    /// The migrations failed.
    #[error("the store could not be migrated to this version: {0}")]
    Migration(#[from] rusqlite_migration::Error),
    /// No password or id could be generated.
    #[error(transparent)]
    Random(#[from] deploy::random::Exhausted),
    /// A stored value is not what it should be.
    #[error("the store holds {what} that cannot be read: {why}")]
    Corrupt {
        /// What it is.
        what: &'static str,
        /// Why it cannot be read.
        why: String,
    },
    /// The writer's thread has ended; only at shutdown.
    #[error("the store is closed")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            _ => Self::Sqlite(error),
        }
    }
}

type Write = Box<dyn FnOnce(&mut Transaction<'_>) -> Done + Send>;
/// Answers the caller; called after the commit, with its result.
type Done = Box<dyn FnOnce(Result<(), Uncommitted>) + Send>;

/// Why a shared commit failed.
#[derive(Clone)]
enum Uncommitted {
    Full,
    Other(String),
}

impl From<rusqlite::Error> for Uncommitted {
    fn from(error: rusqlite::Error) -> Self {
        match error.into() {
            StoreError::Full => Self::Full,
            other => Self::Other(other.to_string()),
        }
    }
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    writes: mpsc::SyncSender<Write>,
    reader: Arc<Mutex<Connection>>,
    instance: Instance,
}

const MIGRATIONS: [&str; 6] = [
    include_str!("migrations/01-spine.sql"),
    include_str!("migrations/02-builds.sql"),
    include_str!("migrations/03-data.sql"),
    include_str!("migrations/04-real.sql"),
    include_str!("migrations/05-path.sql"),
    include_str!("migrations/06-links.sql"),
];

impl Store {
    /// Opens the database file, creates it where it is missing, and migrates it to this version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let reserve = Reserve::beside(path);
        let mut connection = connect(path)?;
        let migrations = Migrations::new(MIGRATIONS.iter().map(|sql| M::up(sql)).collect());
        refuse_newer(&connection, path)?;
        migrations.to_latest(&mut connection)?;
        let instance = ensure_instance(&connection)?;
        let reader = Arc::new(Mutex::new(connect(path)?));
        let (writes, queue) = mpsc::sync_channel(QUEUE_MAX);
        thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || write_until_closed(connection, reserve, &queue))
            .map_err(|error| StoreError::Corrupt {
                what: "no thread",
                why: error.to_string(),
            })?;
        Ok(Self {
            writes,
            reader,
            instance,
        })
    }

    /// The id of this Dayfly instance.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Runs `work` in a transaction and returns once its effects are on disk.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&rusqlite::Savepoint<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let write: Write = Box::new(move |transaction| {
            let outcome = in_savepoint(transaction, work);
            Box::new(move |committed| {
                let result = match committed {
                    Ok(()) => outcome,
                    Err(Uncommitted::Full) => Err(StoreError::Full),
                    Err(Uncommitted::Other(why)) => Err(StoreError::Uncommitted(why)),
                };
                // An error means that the caller was cancelled; the effect stays.
                let _ = answer.send(result);
            })
        });
        let writes = self.writes.clone();
        if let Err(mpsc::TrySendError::Full(write)) = writes.try_send(write) {
            tokio::task::spawn_blocking(move || writes.send(write))
                .await
                .map_err(|_| StoreError::Closed)?
                .map_err(|_| StoreError::Closed)?;
        }
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs one statement in a transaction and returns once its effects are on disk.
    pub(super) async fn execute(
        &self,
        sql: &'static str,
        values: impl rusqlite::Params + Send + 'static,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.prepare_cached(sql)?.execute(values)?;
            Ok(())
        })
        .await
    }

    /// Runs `work` on the reading connection, which sees every write that has returned.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let reader = Arc::clone(&self.reader);
        tokio::task::spawn_blocking(move || {
            let connection = reader.lock().map_err(|_| StoreError::Closed)?;
            work(&connection)
        })
        .await
        .map_err(|_| StoreError::Closed)?
    }
}

impl Store {
    /// Writes a copy of the whole store, as of this moment, to a new file.
    pub async fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        let file = file.to_owned();
        self.read(move |connection| {
            let path = file.to_str().ok_or_else(|| StoreError::Corrupt {
                what: "a path",
                why: format!("{} is not text", file.display()),
            })?;
            connection.execute("VACUUM INTO ?1", [path])?;
            Ok(())
        })
        .await
    }
}

fn in_savepoint<T>(
    transaction: &mut Transaction<'_>,
    work: impl FnOnce(&rusqlite::Savepoint<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let savepoint = transaction.savepoint()?;
    let value = work(&savepoint)?;
    savepoint.commit()?;
    Ok(value)
}

/// The path with links in its folder resolved: the folder may be a link, the store's file may not.
fn without_links(path: &Path) -> PathBuf {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return path.to_owned();
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    std::fs::canonicalize(folder).map_or_else(|_| path.to_owned(), |folder| folder.join(name))
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::default() | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(without_links(path), flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Refuses a store that a newer version has written.
pub(super) fn refuse_newer(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))?;
    let (found, known) = (version as usize, MIGRATIONS.len());
    if found <= known {
        return Ok(());
    }
    let path = path.to_owned();
    Err(StoreError::Newer { path, found, known })
}

fn ensure_instance(connection: &Connection) -> Result<Instance, StoreError> {
    let stored: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE key = 'instance'", [], |row| {
            row.get(0)
        })
        .optional()?;
    let text = match stored {
        Some(text) => text,
        None => {
            let text = deploy::random::hex::<4>()?;
            connection.execute(
                "INSERT INTO meta (key, value) VALUES ('instance', ?1)",
                [&text],
            )?;
            text
        }
    };
    Instance::parse(&text).map_err(|error| StoreError::Corrupt {
        what: "an instance id",
        why: error.to_string(),
    })
}

fn write_until_closed(
    mut connection: Connection,
    mut reserve: Reserve,
    queue: &mpsc::Receiver<Write>,
) {
    while let Ok(first) = queue.recv() {
        reserve.tend();
        let group = std::iter::once(first)
            .chain(queue.try_iter())
            .take(GROUP_MAX);
        write_group(&mut connection, group);
    }
}

fn write_group(connection: &mut Connection, group: impl Iterator<Item = Write>) {
    let behaviour = rusqlite::TransactionBehavior::Immediate;
    let mut transaction = match connection.transaction_with_behavior(behaviour) {
        Ok(transaction) => transaction,
        Err(error) => {
            // Dropping the writes tells their callers that the store is closed.
            tracing::error!(%error, "cannot begin a transaction; the waiting writes fail");
            drop(group.collect::<Vec<_>>());
            return;
        }
    };
    let answers: Vec<Done> = group.map(|write| write(&mut transaction)).collect();
    let committed = transaction.commit().map_err(Uncommitted::from);
    for answer in answers {
        answer(committed.clone());
    }
}

/// Reads a JSON column.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(
    what: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt {
        what,
        why: error.to_string(),
    })
}

/// Writes a JSON column.
pub(super) fn to_json<T: serde::Serialize>(
    what: &'static str,
    value: &T,
) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt {
        what,
        why: error.to_string(),
    })
}

/// Reads a column whose text is checked.
pub(super) fn parse_stored<T: std::str::FromStr>(
    what: &'static str,
    text: &str,
) -> Result<T, StoreError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| StoreError::Corrupt {
        what,
        why: error.to_string(),
    })
}
