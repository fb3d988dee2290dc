//! The port to throwaway databases.
//!
//! The implementation decides how it stores data: Docker keeps it in a [pool](crate::pool) in which
//! a copy shares blocks with its source. A database belongs to a preview and to one [`Generation`]
//! of its data. It lives in that generation's [`Network::Data`](crate::engine::Network::Data),
//! answers there to its own name, and has no route out.
//!
//! Data and server are separate: [`Databases::create`] and [`Databases::fork`] create data,
//! [`Databases::start`] and [`Databases::stop`] control a server on it.

mod connection;
mod error;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::{
    blueprint::DatabaseKind,
    content::Content,
    engine::ServiceSpec,
    names::{DatabaseKey, DatabaseName, Generation, PreviewId, SnapshotId},
    packing::Packing,
    table_watch::TableWatch,
};

pub use connection::{url, variables};
pub use error::DatabaseError;

/// All databases of one generation of a preview.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DataSet {
    /// The preview that owns the data.
    pub preview: PreviewId,
    /// The generation of its data.
    pub generation: Generation,
}

/// A file of a seed.
#[derive(Clone, Debug)]
pub struct SeedFile {
    /// Its path in the checkout, for messages.
    pub path: String,
    /// Its content, as it is in the checkout.
    pub content: Content,
}

/// SQL scripts. The suffix of a file's name tells its compression.
#[derive(Clone, Debug, Default)]
pub struct SqlSeed {
    /// The scripts to run, in order.
    pub files: Vec<SeedFile>,
    /// They may include files below this folder of the checkout; empty for its root.
    pub folder: String,
    /// Files that they may include.
    pub beside: Vec<SeedFile>,
}

impl SqlSeed {
    /// Scripts that may include files beside the first of them.
    pub fn new(files: Vec<SeedFile>, beside: Vec<SeedFile>) -> Self {
        let first = files.first().and_then(|file| file.path.rsplit_once('/'));
        let folder = first.map_or("", |(folder, _)| folder).to_owned();
        Self {
            files,
            folder,
            beside,
        }
    }
}

impl From<SeedFile> for SqlSeed {
    /// A script without includes.
    fn from(file: SeedFile) -> Self {
        Self::new(vec![file], Vec::new())
    }
}

/// The type of a seed file, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedKind {
    /// An SQL script, compressed or not.
    Sql,
    /// A custom archive of `pg_dump`.
    PgCustom,
    /// A dump of Redis.
    Rdb,
}

impl SeedKind {
    /// The type by the suffix of the file's name, ignoring case.
    pub fn of(path: &str) -> Option<Self> {
        let (name, packing) = Packing::split(path);
        let (_, end) = name.rsplit_once('.')?;
        match (end.to_ascii_lowercase().as_str(), packing) {
            ("sql", _) => Some(Self::Sql),
            ("dump" | "pgdump" | "custom", Packing::Plain) => Some(Self::PgCustom),
            ("rdb", Packing::Plain) => Some(Self::Rdb),
            _ => None,
        }
    }

    /// The types that a kind of server accepts, and their description for users.
    pub fn taken_by(kind: &DatabaseKind) -> (&'static [Self], &'static str) {
        match kind {
            DatabaseKind::Postgres => (
                &[Self::Sql, Self::PgCustom],
                "an .sql file (also .gz, .zst, .xz or .bz2) or an archive of pg_dump (.dump, .pgdump, \
                 .custom)",
            ),
            DatabaseKind::Mysql | DatabaseKind::Mariadb => {
                (&[Self::Sql], "an .sql file (also .gz, .zst, .xz or .bz2)")
            }
            DatabaseKind::Redis | DatabaseKind::Valkey => (&[Self::Rdb], "an .rdb file"),
            DatabaseKind::Other { .. } => (&[], "no file"),
        }
    }
}

/// The initial content of a database.
#[derive(Clone, Debug)]
pub enum Seed {
    /// Nothing.
    Empty,
    /// Statements.
    Sql(SqlSeed),
    /// A custom archive of `pg_dump`.
    PgCustom(SeedFile),
    /// A directory archive of `pg_dump`: the folder's path, and its files with paths below it.
    PgDirectory(String, Vec<SeedFile>),
    /// A dump of Redis.
    Rdb(SeedFile),
    /// A command that runs beside the server and reaches it by its name. `words` is the command as
    /// users know it.
    Run {
        /// The container of the command.
        spec: Box<ServiceSpec>,
        /// Further inputs that determine its result; a new scope runs the command again.
        scope: String,
        /// The command, for messages.
        words: String,
    },
    /// Data of an existing snapshot.
    Snapshot(SnapshotId),
}

impl Seed {
    /// Its files, including those that they may include.
    pub(crate) fn all_files(&self) -> Vec<&SeedFile> {
        match self {
            Self::Sql(seed) => seed.files.iter().chain(&seed.beside).collect(),
            Self::PgCustom(file) | Self::Rdb(file) => vec![file],
            Self::PgDirectory(_, files) => files.iter().collect(),
            Self::Empty | Self::Run { .. } | Self::Snapshot(_) => Vec::new(),
        }
    }
}

/// Everything needed to create a database or to start its server.
#[derive(Clone, Debug)]
pub struct DatabaseSpec {
    /// Which database.
    pub key: DatabaseKey,
    /// The kind of server.
    pub kind: DatabaseKind,
    /// The server's image, such as `postgres:15`.
    pub image: String,
    /// The password of its one user.
    pub password: SecretString,
    /// Limit for memory plus swap, in bytes.
    pub memory_bytes: u64,
    /// CPU limit, in thousandths of a processor.
    pub cpu_milli: u64,
}

/// The name of the user and of the database in every server that has users and databases.
pub const USER: &str = "app";

/// A request to copy databases, all at one point in time.
#[derive(Clone, Debug)]
pub struct Fork {
    /// The source.
    pub from: DataSet,
    /// The target; existing data under these names is replaced.
    pub to: DataSet,
    /// The databases to copy.
    pub names: Vec<DatabaseName>,
}

/// The cost of a fork.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forked {
    /// How long the containers of the source were paused; zero if none runs.
    pub paused: Duration,
    /// Time from the call until the copies are in place.
    pub took: Duration,
    /// Whether the copies share their blocks with the source.
    pub shared: bool,
}

/// The result of a seed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedReport {
    /// Row counts by table, sorted by name; empty if the kind has no tables or if counting took too
    /// long.
    pub rows: Vec<(String, u64)>,
    /// Omitted or changed parts, one line each. Outside text.
    pub changes: Vec<String>,
}

/// A snapshot in the pool, with its metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotState {
    /// Its id.
    pub id: SnapshotId,
    /// The kind of server that created it.
    #[serde(rename = "engine")]
    pub kind: DatabaseKind,
    /// The server's image.
    pub image: String,
    /// Description of its source, for users.
    pub source: String,
    /// When it was created, in milliseconds since 1970.
    pub made_at_ms: u64,
    /// When it was last forked, in milliseconds since 1970.
    pub used_at_ms: u64,
}

/// Space that an object takes in the pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataUse {
    /// Bytes that nothing else shares.
    pub exclusive_bytes: u64,
    /// Bytes that it shares with copies.
    pub shared_bytes: u64,
}

/// The state of the pool, for users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolState {
    /// How copies are made, as a sentence.
    pub way: String,
    /// A command that would make copies faster, if there is one.
    pub remedy: Option<String>,
    /// Its size, in bytes.
    pub total_bytes: u64,
    /// Its free space, in bytes.
    pub free_bytes: u64,
}

/// Receives the current activity of a long seed run, in words that fit after "waits for"; called
/// on each change.
pub type DataSink = Arc<dyn Fn(String) + Send + Sync>;

/// Creates, copies, starts and removes databases.
#[async_trait]
pub trait Databases: Send + Sync {
    /// Creates the data of a database from its seed and replaces existing data under its key. It
    /// starts no server. The same seed for the same server runs once: its result is a snapshot, and
    /// each database gets a fork of it. Concurrent callers wait for that seed run. A seed run that
    /// fails or is interrupted leaves nothing that counts as data. A seed command needs the data
    /// network. The future is dropped only when the process exits, which is safe like a crash.
    async fn create(
        &self,
        spec: &DatabaseSpec,
        seed: &Seed,
        sink: DataSink,
    ) -> Result<(), DatabaseError>;

    /// Copies databases, all at one point in time. The containers of the source are paused for the
    /// copy and resume even if it fails. [`DatabaseError::NoData`] if one has no data.
    async fn fork(&self, fork: &Fork) -> Result<Forked, DatabaseError>;

    /// Starts a server on the data unless one runs with this spec, and returns when it answers a
    /// query with the spec's password.
    /// [`EngineError::Missing`](crate::engine::EngineError::Missing) if there is no data.
    async fn start(&self, spec: &DatabaseSpec) -> Result<(), DatabaseError>;

    /// Watches the tables of a running database; `None` if its kind has no tables or cannot be
    /// watched.
    async fn watch_tables(
        &self,
        spec: &DatabaseSpec,
    ) -> Result<Option<Box<dyn TableWatch>>, DatabaseError>;

    /// Stops the server cleanly and removes its container; the data stays.
    async fn stop(&self, key: &DatabaseKey) -> Result<(), DatabaseError>;

    /// Removes the database and its data.
    async fn remove(&self, key: &DatabaseKey) -> Result<(), DatabaseError>;

    /// Saves a copy of a database's data as a snapshot.
    async fn save(&self, key: &DatabaseKey, source: &str) -> Result<SnapshotState, DatabaseError>;

    /// Lists all snapshots.
    async fn snapshots(&self) -> Result<Vec<SnapshotState>, DatabaseError>;

    /// Space that a snapshot takes in the pool. This can be slow.
    async fn snapshot_use(&self, id: &SnapshotId) -> Result<DataUse, DatabaseError>;

    /// Removes a snapshot; forks of it stay.
    async fn forget(&self, id: &SnapshotId) -> Result<(), DatabaseError>;

    /// Space that each database of a preview takes in the pool. This can be slow.
    async fn data_use(
        &self,
        preview: &PreviewId,
    ) -> Result<BTreeMap<(Generation, DatabaseName), DataUse>, DatabaseError>;

    /// The state of the pool.
    async fn pool(&self) -> Result<PoolState, DatabaseError>;
}

/// A time as milliseconds since 1970.
pub fn unix_ms(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
