//! The port to throwaway databases.
//!
//! *How* a database comes to be is the implementation's own: a fresh directory that is seeded, or
//! one day a fork of a seeded snapshot. A database belongs to a preview, lives in its
//! [`Room::Data`](crate::engine::Room::Data), answers there to its own name and has no way out.

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;

use crate::{
    engine::EngineError,
    names::{DatabaseName, PreviewId},
};

/// Which database of which preview.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseKey {
    /// Whose.
    pub preview: PreviewId,
    /// Its name in the blueprint.
    pub name: DatabaseName,
}

/// What a database is filled with before anybody sees it.
#[derive(Clone, Debug)]
pub struct Seed {
    /// The file's path in the checkout, for messages.
    pub path: String,
    /// Its content: SQL.
    pub content: Bytes,
}

/// Everything needed to make a database.
#[derive(Clone, Debug)]
pub struct DatabaseSpec {
    /// Which database.
    pub key: DatabaseKey,
    /// The server's image, such as `postgres:15`.
    pub image: String,
    /// What it starts with.
    pub seed: Option<Seed>,
    /// The password of its one user.
    pub password: SecretString,
    /// Memory with swap, in bytes.
    pub memory_bytes: u64,
    /// Thousandths of a processor.
    pub cpu_milli: u64,
}

/// The user and the database inside every Postgres we make.
pub const POSTGRES_USER: &str = "app";

/// Where a service in the same room reaches the database.
pub fn postgres_url(name: &DatabaseName, password: &str) -> String {
    format!("postgres://{POSTGRES_USER}:{password}@{name}:5432/{POSTGRES_USER}")
}

/// Why there is no database.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DatabaseError {
    /// A statement of the seed failed.
    #[error("seed {path} failed{}: {message}", line.map(|l| format!(" at line {l}")).unwrap_or_default())]
    Seed {
        /// The file's path in the checkout.
        path: String,
        /// The line, where the server named one.
        line: Option<u32>,
        /// The server's sentence.
        message: String,
    },
    /// The server's image cannot be had.
    #[error("database image {image} cannot be had: {why}")]
    NoImage {
        /// The reference.
        image: String,
        /// The engine's sentence.
        why: String,
    },
    /// The server ended, or did not answer a query in time.
    #[error("the database did not become ready: {message}")]
    NotReady {
        /// What was seen.
        message: String,
        /// Its last lines.
        output: Vec<String>,
    },
    /// The engine's own answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Makes, starts and removes databases.
#[async_trait]
pub trait Databases: Send + Sync {
    /// Makes a fresh database: whatever has its name is removed first, so that a making that was
    /// cut off leaves nothing behind. Returns when the seed is in and the server has answered a
    /// query as the application's user. Needs the data room.
    async fn create(&self, spec: &DatabaseSpec) -> Result<(), DatabaseError>;

    /// Starts the database unless it runs and returns when it answers a query. Its data is what it
    /// was. [`EngineError::Missing`] when it was never made.
    async fn start(&self, key: &DatabaseKey) -> Result<(), DatabaseError>;

    /// Removes the database and its data.
    async fn remove(&self, key: &DatabaseKey) -> Result<(), DatabaseError>;
}
