//! The port for user access to data: connections to a database, logs of its server, imports, and
//! copies of data for an archive.

use std::{io, net::SocketAddr, path::Path, pin::Pin};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, future::BoxFuture};

use crate::{
    blueprint::DatabaseKind,
    content::Content,
    databases::{DataSet, DataSink, DatabaseError, DatabaseSpec, Seed, SeedReport, SnapshotState},
    engine::{EngineError, LogStream},
    names::{DatabaseKey, DatabaseName, SnapshotId},
    personal::{Found, Mask},
};

/// A client command for a user, to run in a database's container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCommand {
    /// The container.
    pub container: String,
    /// Program and arguments.
    pub arguments: Vec<String>,
    /// Its environment variables; they contain the password.
    pub env: Vec<String>,
}

/// How a user connects to a running database.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// Its own client, inside its container; `None` if its kind has no known client.
    pub client: Option<ClientCommand>,
    /// Its address from this host; `None` if its port is unknown.
    pub address: Option<SocketAddr>,
}

/// Data to import.
#[derive(Clone, Debug)]
pub struct ImportSpec {
    /// The kind of server that loads it.
    pub kind: DatabaseKind,
    /// Its image.
    pub image: String,
    /// The data.
    pub seed: Seed,
    /// A script that runs after the seed and replaces personal data.
    pub mask: Option<Mask>,
    /// Limit for memory plus swap of the server that loads it, in bytes.
    pub memory_bytes: u64,
}

/// A stream of bytes, in pieces.
pub type Pieces<'a> = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send + 'a>>;

/// Consumes pieces until the stream ends.
pub type Arrival<'a> = BoxFuture<'a, io::Result<()>>;

/// The result of an import.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The snapshot.
    pub snapshot: SnapshotState,
    /// The result of the seed.
    pub report: SeedReport,
    /// All data that looks personal, with its state after the mask; unmasked data comes first.
    pub personal: Vec<Found>,
    /// Accepted names that match nothing.
    pub unused: Vec<String>,
}

/// Data that belongs together: it is always copied at one point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// A snapshot.
    Snapshot(SnapshotId),
    /// The databases of one generation of a preview.
    Set(DataSet, Vec<DatabaseName>),
}

/// A copy of data for an archive; deleted when dropped.
pub trait Frozen: Send {
    /// Adds the copy to an archive, under its own path below `below`; blocks.
    fn append_to(
        &self,
        archive: &mut tar::Builder<&mut dyn io::Write>,
        below: &Path,
    ) -> io::Result<()>;
}

/// Direct access of users to data.
#[async_trait]
pub trait DataAccess: Send + Sync {
    /// Lists all data.
    async fn kept(&self) -> Result<Vec<Kept>, DatabaseError>;

    /// Copies all of it at one point in time: its containers are paused for the copy.
    /// [`DatabaseError::NoData`] if it was removed since it was listed.
    async fn freeze(&self, kept: &Kept) -> Result<Vec<Box<dyn Frozen>>, DatabaseError>;

    /// The report of the seed behind a database's data; empty for data that an earlier version of
    /// Dayfly created.
    async fn seed_report(&self, key: &DatabaseKey) -> Result<SeedReport, DatabaseError>;

    /// How a user connects to a database.
    async fn reach(&self, spec: &DatabaseSpec) -> Result<ConnectionInfo, DatabaseError>;

    /// The log of a database's server: its last `tail` lines and, with `follow`, new lines until it
    /// exits. [`EngineError::Missing`] if it has no container.
    async fn server_logs(
        &self,
        key: &DatabaseKey,
        tail: usize,
        follow: bool,
    ) -> Result<LogStream, EngineError>;

    /// Writes an upload to an unnamed file on the disk. The file can be read while it arrives: a
    /// reader waits for more, and fails if the arrival is dropped before its end.
    ///
    /// # Errors
    /// If no file can be created. The arrival fails with
    /// [`ErrorKind::FileTooLarge`](io::ErrorKind::FileTooLarge) above `bytes_max`, with
    /// [`ErrorKind::StorageFull`](io::ErrorKind::StorageFull) if the pool is full, with
    /// [`ErrorKind::TimedOut`](io::ErrorKind::TimedOut) if no further piece arrives, and with the
    /// errors of the pieces.
    async fn spool<'a>(
        &self,
        pieces: Pieces<'a>,
        bytes_max: u64,
    ) -> io::Result<(Content, Arrival<'a>)>;

    /// Creates a snapshot of imported data; a failed import leaves nothing behind.
    /// [`DatabaseError::Mask`] if the mask fails, and [`DatabaseError::Unmasked`] if a judged mask
    /// leaves personal data that was not accepted.
    async fn import(&self, spec: ImportSpec, sink: DataSink) -> Result<Imported, DatabaseError>;
}
