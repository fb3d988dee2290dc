//! One connection that writes, in a thread of its own, and one that reads.
//!
//! Writes that wait together are committed together: each runs in a savepoint of its own, so that
//! one that fails takes nothing with it, and all are answered after the one commit. With
//! `synchronous=FULL` that commit is on disk when the answer is given.

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
/// How many writes may wait; beyond this callers wait for a place.
const QUEUE_MAX: usize = 4_096;
/// How long a statement waits for another process that holds the file (a backup).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite's own answer.
    #[error("the store failed: {0}")]
    Sqlite(rusqlite::Error),
    /// The disk is full, the room that is kept for the store included. Nothing was changed.
    #[error(
        "the disk below the data directory is full, and this could not be written down; free some of \
         the disk, then try again"
    )]
    Full,
    /// What was written could not be put on the disk. Nothing was changed.
    #[error("the store could not write it down: {0}")]
    Uncommitted(String),
    /// The database was written by a newer Dayfly.
    #[error(
        "{path} was written by a newer dayfly (its format is {found}, this one knows up to {known}); run that version, or restore a backup from before the upgrade"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// The migrations failed.
    #[error("the store could not be brought to this version: {0}")]
    Migration(#[from] rusqlite_migration::Error),
    /// No password or id could be drawn.
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

/// Why a commit that several wait for did not come about.
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
    /// Opens the database file, makes it where it is not there, and brings it to this version.
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

    /// Which Dayfly this is.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Runs `work` in a transaction and answers once its effects are on disk.
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
                // Nobody waits any more: the caller was cancelled, the effect stands.
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

    /// Runs one statement in a transaction and answers once its effects are on disk.
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

    /// Runs `work` on the reading connection: it sees every commit that was answered.
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
    /// Writes a copy of everything as it is at this moment to a file that is not there yet.
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

/// The path with a folder that has no links in it: the store's own file must not be one, the folder may.
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
            // The writes are dropped, which tells their callers that the store is closed to them.
            tracing::error!(%error, "no transaction could be begun");
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
