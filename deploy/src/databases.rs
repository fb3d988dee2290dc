//! The port to throwaway databases.
//!
//! *How* data come to be is the implementation's own: Docker keeps them in a [pool](crate::pool) in
//! which a copy shares its blocks with what it was copied from. A database belongs to a preview and
//! to one [`Generation`] of its data, lives in that generation's
//! [`Network::Data`](crate::engine::Network::Data), answers there to its own name and has no way out.
//!
//! Data and server are two things: [`Databases::create`] and [`Databases::fork`] bring data about,
//! [`Databases::start`] and [`Databases::stop`] a server on them.

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
    /// Whose.
    pub preview: PreviewId,
    /// Which state of its data.
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

/// Scripts of SQL. The end of a file's name says how it is packed.
#[derive(Clone, Debug, Default)]
pub struct SqlSeed {
    /// What is run, in order.
    pub files: Vec<SeedFile>,
    /// The folder in the checkout below which they may read others; empty for its root.
    pub folder: String,
    /// Those others.
    pub beside: Vec<SeedFile>,
}

impl SqlSeed {
    /// Scripts, which may read what lies beside the first of them.
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
    /// A script that stands alone.
    fn from(file: SeedFile) -> Self {
        Self::new(vec![file], Vec::new())
    }
}

/// What a seed's file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedKind {
    /// A script of SQL, packed or not.
    Sql,
    /// A custom archive of `pg_dump`.
    PgCustom,
    /// A dump of Redis.
    Rdb,
}

impl SeedKind {
    /// By the end of the file's name, in any case of letters.
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

    /// What a kind of server takes, and that in words for people.
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

/// What a database is filled with before anybody sees it.
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
    /// A command that runs beside the server, which answers to its name meanwhile. `words` is the
    /// command as people know it.
    Run {
        /// What runs.
        spec: Box<ServiceSpec>,
        /// Whatever else decides what comes of it, in any form: with another scope it is run anew.
        scope: String,
        /// For messages.
        words: String,
    },
    /// Data that are in the pool already.
    Snapshot(SnapshotId),
}

impl Seed {
    /// Its files, with those that lie beside them to be included.
    pub(crate) fn all_files(&self) -> Vec<&SeedFile> {
        match self {
            Self::Sql(seed) => seed.files.iter().chain(&seed.beside).collect(),
            Self::PgCustom(file) | Self::Rdb(file) => vec![file],
            Self::PgDirectory(_, files) => files.iter().collect(),
            Self::Empty | Self::Run { .. } | Self::Snapshot(_) => Vec::new(),
        }
    }
}

/// Everything needed to make a database, or to start its server.
#[derive(Clone, Debug)]
pub struct DatabaseSpec {
    /// Which database.
    pub key: DatabaseKey,
    /// What kind of server.
    pub kind: DatabaseKind,
    /// The server's image, such as `postgres:15`.
    pub image: String,
    /// The password of its one user.
    pub password: SecretString,
    /// Memory with swap, in bytes.
    pub memory_bytes: u64,
    /// Thousandths of a processor.
    pub cpu_milli: u64,
}

/// The user and the database inside every server that has such.
pub const USER: &str = "app";

/// Copies of data, all taken at one moment.
#[derive(Clone, Debug)]
pub struct Fork {
    /// Of what.
    pub from: DataSet,
    /// To where; what is there under these names is replaced.
    pub to: DataSet,
    /// Which databases.
    pub names: Vec<DatabaseName>,
}

/// What a fork cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forked {
    /// How long what runs on the source stood still; zero where nothing runs.
    pub paused: Duration,
    /// From the call to the copies being in place.
    pub took: Duration,
    /// Whether the copies share their blocks with the source.
    pub shared: bool,
}

/// What became of a seed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedReport {
    /// Rows by table, in the order of the tables' names; none where a kind has no tables, or where
    /// they took too long to count.
    pub rows: Vec<(String, u64)>,
    /// What of it was left out or made otherwise, a line each. Outside text.
    pub changes: Vec<String>,
}

/// A snapshot in the pool, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotState {
    /// Which.
    pub id: SnapshotId,
    /// What kind of server made it.
    #[serde(rename = "engine")]
    pub kind: DatabaseKind,
    /// The server's image.
    pub image: String,
    /// What it was made from, for people.
    pub source: String,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: u64,
    /// When it was last forked, in milliseconds since 1970.
    pub used_at_ms: u64,
}

/// How much of the pool something has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataUse {
    /// Bytes that nothing else uses.
    pub exclusive_bytes: u64,
    /// Bytes that copies share.
    pub shared_bytes: u64,
}

/// What the pool is, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolState {
    /// How copies are made, in a sentence.
    pub way: String,
    /// A command that would make them quicker, where there is one.
    pub remedy: Option<String>,
    /// Its size.
    pub total_bytes: u64,
    /// What is left of it.
    pub free_bytes: u64,
}

/// Tells what a seed run that takes long is about, in words that fit after "waits for"; again each
/// time it changed.
pub type DataSink = Arc<dyn Fn(String) + Send + Sync>;

/// Makes, copies, starts and removes databases.
#[async_trait]
pub trait Databases: Send + Sync {
    /// Makes the data of a database from its seed, in place of whatever is there under its key, and
    /// starts nothing. The same seed for the same server is run once: its outcome is a snapshot,
    /// and everybody's data are a fork of it. Who asks while it is made waits for that seed run. A seed
    /// run that fails or is cut off leaves nothing that counts as data. Needs the data network for a
    /// seed that is run. Dropped only where the process ends, as a death of it would end it.
    async fn create(
        &self,
        spec: &DatabaseSpec,
        seed: &Seed,
        sink: DataSink,
    ) -> Result<(), DatabaseError>;

    /// Copies data, all at one moment: what runs on the source is paused meanwhile, and goes on
    /// whatever becomes of the copies. [`DatabaseError::NoData`] where one is not there.
    async fn fork(&self, fork: &Fork) -> Result<Forked, DatabaseError>;

    /// Starts a server on the data unless it runs as the spec says, and returns when it answers a
    /// query with the spec's password.
    /// [`EngineError::Missing`](crate::engine::EngineError::Missing) where there are no data.
    async fn start(&self, spec: &DatabaseSpec) -> Result<(), DatabaseError>;

    /// Watches what becomes of the tables of a database that runs; none where its kind has none, or
    /// cannot be watched.
    async fn watch_tables(
        &self,
        spec: &DatabaseSpec,
    ) -> Result<Option<Box<dyn TableWatch>>, DatabaseError>;

    /// Stops the server cleanly and removes its container; the data stay.
    async fn stop(&self, key: &DatabaseKey) -> Result<(), DatabaseError>;

    /// Removes the database and its data.
    async fn remove(&self, key: &DatabaseKey) -> Result<(), DatabaseError>;

    /// Keeps a copy of a database's data as a snapshot.
    async fn save(&self, key: &DatabaseKey, source: &str) -> Result<SnapshotState, DatabaseError>;

    /// All snapshots.
    async fn snapshots(&self) -> Result<Vec<SnapshotState>, DatabaseError>;

    /// How much of the pool a snapshot has. Counting takes its time.
    async fn snapshot_use(&self, id: &SnapshotId) -> Result<DataUse, DatabaseError>;

    /// Removes a snapshot; what was forked of it stays.
    async fn forget(&self, id: &SnapshotId) -> Result<(), DatabaseError>;

    /// How much of the pool each database of a preview has. Counting takes its time.
    async fn data_use(
        &self,
        preview: &PreviewId,
    ) -> Result<BTreeMap<(Generation, DatabaseName), DataUse>, DatabaseError>;

    /// The pool.
    async fn pool(&self) -> Result<PoolState, DatabaseError>;
}

/// Milliseconds since 1970.
pub fn unix_ms(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
