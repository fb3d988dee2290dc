//! The port to data beside previews: a person's way to a database and to what its server prints, data
//! that somebody brings, and copies of data for an archive.

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

/// What runs in a database's container for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCommand {
    /// The container.
    pub container: String,
    /// Program and arguments.
    pub arguments: Vec<String>,
    /// Its variables; they hold the password.
    pub env: Vec<String>,
}

/// How a person reaches a database that runs.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// Its own client, inside its container; none where its kind has none that is known.
    pub client: Option<ClientCommand>,
    /// Where this host reaches it; none where its port is not known.
    pub address: Option<SocketAddr>,
}

/// Data that somebody brings.
#[derive(Clone, Debug)]
pub struct ImportSpec {
    /// What kind of server is to have them.
    pub kind: DatabaseKind,
    /// Its image.
    pub image: String,
    /// What they bring.
    pub seed: Seed,
    /// Run after the seed, so that nothing personal is left.
    pub mask: Option<Mask>,
    /// Memory with swap of the server that reads them, in bytes.
    pub memory_bytes: u64,
}

/// Bytes that come one piece after the other.
pub type Pieces<'a> = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send + 'a>>;

/// Takes pieces until there are no more.
pub type Arrival<'a> = BoxFuture<'a, io::Result<()>>;

/// What came of bringing data.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The snapshot.
    pub snapshot: SnapshotState,
    /// What became of the seed.
    pub report: SeedReport,
    /// Everything that looks personal, and what a mask left of it; what it left comes first.
    pub personal: Vec<Found>,
    /// What was accepted and is nowhere.
    pub unused: Vec<String>,
}

/// Data that are kept together: what is copied of it is copied at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// A snapshot.
    Snapshot(SnapshotId),
    /// The databases of one generation of a preview.
    Set(DataSet, Vec<DatabaseName>),
}

/// A copy of data for an archive; thrown away when dropped.
pub trait Frozen: Send {
    /// Adds it to an archive, under a path of its own below `below`; blocks.
    fn append_to(
        &self,
        archive: &mut tar::Builder<&mut dyn io::Write>,
        below: &Path,
    ) -> io::Result<()>;
}

/// What people do with data beside previews.
#[async_trait]
pub trait DataAccess: Send + Sync {
    /// All data that there are.
    async fn kept(&self) -> Result<Vec<Kept>, DatabaseError>;

    /// Copies of all of it, taken at one moment: what runs on it is paused meanwhile.
    /// [`DatabaseError::NoData`] where it went since it was listed.
    async fn freeze(&self, kept: &Kept) -> Result<Vec<Box<dyn Frozen>>, DatabaseError>;

    /// What became of the seed that a database's data were made from; nothing is told of data that
    /// earlier versions made.
    async fn seed_report(&self, key: &DatabaseKey) -> Result<SeedReport, DatabaseError>;

    /// How a person reaches a database.
    async fn reach(&self, spec: &DatabaseSpec) -> Result<ConnectionInfo, DatabaseError>;

    /// What a database's server printed: its last `tail` lines, then with `follow` what comes until it
    /// ends. [`EngineError::Missing`] where it has no container.
    async fn server_logs(
        &self,
        key: &DatabaseKey,
        tail: usize,
        follow: bool,
    ) -> Result<LogStream, EngineError>;

    /// Takes what somebody brings onto the disk, where it lies without a name until it was used. It can be
    /// read while it arrives: a reader waits, and fails where the arrival is dropped before its end.
    ///
    /// # Errors
    /// Where nothing can be written. The arrival has [`ErrorKind::FileTooLarge`](io::ErrorKind::FileTooLarge)
    /// above `bytes_max`, [`ErrorKind::StorageFull`](io::ErrorKind::StorageFull) where the pool has no
    /// room, [`ErrorKind::TimedOut`](io::ErrorKind::TimedOut) where no piece comes any more, and those of
    /// the pieces.
    async fn spool<'a>(
        &self,
        pieces: Pieces<'a>,
        bytes_max: u64,
    ) -> io::Result<(Content, Arrival<'a>)>;

    /// Makes a snapshot of data that somebody brings. Nothing is left where it fails.
    /// [`DatabaseError::Mask`] where its mask does, and [`DatabaseError::Unmasked`] where a mask that is
    /// judged leaves data of people that were not accepted.
    async fn import(&self, spec: ImportSpec, sink: DataSink) -> Result<Imported, DatabaseError>;
}
