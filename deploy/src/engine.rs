//! The port to the engine that runs services: networks, services, tasks, probes, logs, observation.
//!
//! Every method is idempotent: *ensure* may find the object present, *remove* may find it absent,
//! and both return the same result in either case. An implementation never decides: it executes
//! calls and reports the current state. The lifecycle decides how a preview should look.
//!
//! Cancellation: dropping the future of [`Engine::run_to_end`], [`Engine::probe`] or a log stream
//! ends the work. The caller runs all other futures to completion.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    pin::Pin,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use serde::{Deserialize, Serialize};

use crate::{
    blueprint::{Command, Health, HealthCheck, ProcessOptions},
    names::{
        DatabaseKey, DatabaseName, Generation, ImageId, PreviewId, RevisionNumber, ServiceName,
    },
};

/// Why an engine call failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// An object that the call names does not exist (an image, or a container that another
    /// program removed). The caller should observe again and start from the result.
    #[error("{0} is missing")]
    Missing(String),
    /// The engine rejected the request; a retry gets the same answer.
    #[error("{what} was refused: {why}")]
    Refused {
        /// The requested action, in words of the domain.
        what: String,
        /// The engine's own sentence.
        why: String,
    },
    /// Another operation on the object is in progress, such as its removal; a later retry helps.
    #[error("{what} is busy: {why}")]
    Busy {
        /// The requested action, in words of the domain.
        what: String,
        /// The engine's own sentence.
        why: String,
    },
    /// The engine did not answer, or not in time; a later retry may help.
    #[error("the engine cannot be reached: {0}")]
    Unreachable(String),
}

/// A network of one preview.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Network {
    /// Connects the services of one revision. They can reach public addresses.
    Revision(RevisionNumber),
    /// Connects one generation of the preview's databases and the services that use them. It has
    /// no route out.
    Data(Generation),
}

/// A network, and how many containers it must hold.
#[derive(Clone, Debug)]
pub struct NetworkSpec {
    /// The owner of the network.
    pub preview: PreviewId,
    /// Which of its networks.
    pub network: Network,
    /// Maximum number of containers in it at once; this determines the subnet's size.
    pub members: usize,
}

/// Which service of which revision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey {
    /// The preview that runs it.
    pub preview: PreviewId,
    /// The revision it was started for.
    pub revision: RevisionNumber,
    /// Its name in the blueprint.
    pub service: ServiceName,
}

/// Everything an engine needs to start one service, or to run one command in its image.
#[derive(Clone, Debug)]
pub struct ServiceSpec {
    /// Which service.
    pub key: ServiceKey,
    /// The image, by an id that the store recorded.
    pub image: ImageId,
    /// Replaces the image's command.
    pub command: Option<Command>,
    /// How its program runs, where that differs from the image.
    pub process: ProcessOptions,
    /// The whole environment that Dayfly adds; the image's own stays below it.
    pub env: BTreeMap<String, String>,
    /// The port on which the service listens inside its container.
    pub port: u16,
    /// The generation of databases whose [`Network::Data`] it also joins.
    pub data: Option<Generation>,
    /// Limit for memory plus swap, in bytes.
    pub memory_bytes: u64,
    /// CPU limit, in thousandths of a processor.
    pub cpu_milli: u64,
    /// Maximum number of processes and threads.
    pub pids_max: u32,
    /// Whether the engine's small init runs as process 1.
    pub init: bool,
}

/// The result of a command that ran to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; 128 plus the signal number if it was killed.
    pub exit_code: i64,
    /// Whether the kernel killed it because it ran out of memory.
    pub out_of_memory: bool,
    /// The last lines it printed, both streams in order; at most [`OUTPUT_LINES_MAX`].
    pub output: Vec<String>,
}

/// Number of output lines kept from a command.
pub const OUTPUT_LINES_MAX: usize = 200;

/// The state of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// It was created and has not started yet.
    Created,
    /// It runs.
    Running,
    /// It ran and exited.
    Exited {
        /// Its exit code.
        exit_code: i64,
        /// Whether the kernel killed it because it ran out of memory.
        out_of_memory: bool,
    },
}

/// A service as the engine sees it.
#[derive(Clone, Debug)]
pub struct ServiceState {
    /// Which service.
    pub key: ServiceKey,
    /// The state of its container.
    pub state: ContainerState,
    /// Its address while it runs. A restart of the container can change it.
    pub address: Option<SocketAddr>,
    /// The image it was made from.
    pub image: ImageId,
}

/// A service's container in detail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRun {
    /// Its state. Between two runs it is `Exited`, although the engine will restart it.
    pub state: ContainerState,
    /// Its address while it runs.
    pub address: Option<SocketAddr>,
    /// Whether it exited with an error and the engine is about to restart it.
    pub starts_again: bool,
    /// How often it exited with an error since Dayfly last started it.
    pub ends: u32,
    /// When it last exited; while it runs, this is the end of the previous run.
    pub ended: Option<SystemTime>,
    /// Addresses on which it accepts connections; `None` if this host cannot see them.
    pub listens: Option<BTreeSet<SocketAddr>>,
}

/// A database's container as the engine sees it.
#[derive(Clone, Debug)]
pub struct DatabaseState {
    /// Which database.
    pub key: DatabaseKey,
    /// The state of its container.
    pub state: ContainerState,
}

/// An image that Dayfly built, found by its labels *and* its tag.
#[derive(Clone, Debug)]
pub struct ImageState {
    /// The image.
    pub image: ImageId,
    /// The preview that owns it.
    pub preview: PreviewId,
    /// The revision it was built for.
    pub revision: RevisionNumber,
    /// The service it was built for.
    pub service: ServiceName,
}

/// An object with our labels that is none of the above, such as a command interrupted by a crash
/// or a data directory without a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stray {
    /// The preview in its labels.
    pub preview: PreviewId,
    /// Container, network or volume.
    pub kind: StrayKind,
    /// The engine's id or name for it.
    pub id: String,
    /// The revision in its labels, if any.
    pub revision: Option<RevisionNumber>,
    /// The database in its labels, if any.
    pub database: Option<(Generation, DatabaseName)>,
}

/// The kind of a stray.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StrayKind {
    /// A container that is neither a service nor a database.
    Container,
    /// A volume.
    Volume,
    /// A network.
    Network,
}

/// All objects that the engine holds for one preview, or for all previews of this instance.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// Networks.
    pub networks: Vec<(PreviewId, Network)>,
    /// Service containers.
    pub services: Vec<ServiceState>,
    /// Database containers.
    pub databases: Vec<DatabaseState>,
    /// Databases that have data, with or without a container.
    pub data: Vec<DatabaseKey>,
    /// Images that we built.
    pub images: Vec<ImageState>,
    /// Everything else with our labels.
    pub strays: Vec<Stray>,
}

impl Observation {
    /// Whether it contains no object at all.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
            && self.services.is_empty()
            && self.databases.is_empty()
            && self.data.is_empty()
            && self.images.is_empty()
            && self.strays.is_empty()
    }
}

/// The result of one attempt to reach a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// It answered with an accepted status.
    Ready,
    /// Nothing accepts connections at its address (yet).
    Refused,
    /// It accepted the connection but did not answer in time.
    Silent,
    /// It accepted the connection and closed it without an answer.
    Closed,
    /// Its answer is not HTTP.
    NotHttp,
    /// It answered with this status, which does not count as ready.
    Status(u16),
    /// The command of its check exited with this code.
    Failing(i64),
    /// The command of its check took too long.
    CheckTooSlow,
}

/// One line a service printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The time that the engine recorded.
    pub at: SystemTime,
    /// Whether it came from standard error.
    pub stderr: bool,
    /// The line without its line break; otherwise unmodified.
    pub text: Bytes,
}

/// Log lines as they arrive.
pub type LogStream = Pin<Box<dyn Stream<Item = Result<LogLine, EngineError>> + Send>>;

/// Hints that an object of ours changed. Each carries the preview, if the engine named one.
pub type HintStream = Pin<Box<dyn Stream<Item = Option<PreviewId>> + Send>>;

/// Runs services.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Creates the network unless it exists. Its subnet is the smallest from /28 to /24 that holds
    /// the members. It comes from the configured pool and overlaps no network and no host route.
    ///
    /// Refused when the pool has no such subnet left; the message names the pool.
    async fn ensure_network(&self, spec: &NetworkSpec) -> Result<(), EngineError>;

    /// Removes the network after disconnecting its remaining containers.
    async fn remove_network(
        &self,
        preview: &PreviewId,
        network: &Network,
    ) -> Result<(), EngineError>;

    /// Creates the service's container in its networks unless it exists with the same spec, and
    /// starts it unless it runs. A container with another spec is replaced. Returns its address, or
    /// `None` if it has already exited. The engine restarts a service that exits with an error,
    /// after pauses that grow to a minute, for as long as its container exists.
    /// Missing: the image, or a network.
    async fn start_service(&self, spec: &ServiceSpec) -> Result<Option<SocketAddr>, EngineError>;

    /// The TCP ports that an image declares. Missing: the image.
    async fn exposed_ports(&self, image: &ImageId) -> Result<BTreeSet<u16>, EngineError>;

    /// Inspects a service's container; `None` if it has none.
    async fn service_run(&self, key: &ServiceKey) -> Result<Option<ServiceRun>, EngineError>;

    /// Stops the service (its grace period is [`STOP_GRACE`]) and removes its container.
    async fn remove_service(&self, key: &ServiceKey) -> Result<(), EngineError>;

    /// Runs the spec's command in the spec's image and networks, in a container of its own. The
    /// container is removed when this returns or is dropped. `task` distinguishes it from other
    /// runs of the same service. A non-zero exit is an [`Ended`], not an error.
    async fn run_to_end(&self, spec: &ServiceSpec, task: &str) -> Result<Ended, EngineError>;

    /// Asks the service once whether it is ready, over the network, as a visitor of `host` would.
    /// It has [`CONNECT_MAX`] to accept the connection and `limit` to answer. Never an error: an
    /// unreachable service is a result.
    async fn probe(
        &self,
        address: SocketAddr,
        host: &str,
        health: &Health,
        limit: Duration,
    ) -> Probe;

    /// Runs the command of a check once in the service's container. Never an error: a container
    /// that does not run is [`Probe::Refused`].
    async fn check(&self, key: &ServiceKey, check: &HealthCheck) -> Probe;

    /// The service's output: its last `tail` lines and, with `follow`, new lines until the
    /// container exits. Missing: the container.
    async fn logs(
        &self,
        key: &ServiceKey,
        tail: usize,
        follow: bool,
    ) -> Result<LogStream, EngineError>;

    /// Lists all objects of one preview, or of this whole instance. The list is complete, or the
    /// call fails.
    async fn observe(&self, preview: Option<&PreviewId>) -> Result<Observation, EngineError>;

    /// Removes one stray.
    async fn remove_stray(&self, stray: &Stray) -> Result<(), EngineError>;

    /// Changes as the engine reports them, best effort: a stream that ends or misses a change
    /// costs time, never correctness.
    async fn hints(&self) -> Result<HintStream, EngineError>;
}

/// How long a service may take to accept the connection of a probe.
pub const CONNECT_MAX: Duration = Duration::from_secs(2);

/// How long a container may take to stop before it is killed.
pub const STOP_GRACE: Duration = Duration::from_secs(10);
