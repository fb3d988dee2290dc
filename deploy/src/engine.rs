//! The port to where services run: networks, services, runs to an end, probes, logs, observation.
//!
//! Every method is idempotent: *ensure* may find its work done, *remove* may find nothing there,
//! and both answer the same as if they had done it. An implementation never decides; it does what
//! it is told and says what is there. What a preview should look like is the lifecycle's business.
//!
//! Cancellation: dropping the future of [`Engine::run_to_end`], [`Engine::probe`] or a log stream
//! ends the work. All other futures are run to their end by the caller.

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
    blueprint::{Command, Health},
    names::{
        DatabaseKey, DatabaseName, Generation, ImageId, PreviewId, RevisionNumber, ServiceName,
    },
};

/// Why an engine did not do what it was asked to.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// Something the call names is not there (an image, a container that was removed behind our
    /// back). Looking again and starting from what is there is the remedy.
    #[error("{0} is missing")]
    Missing(String),
    /// The engine understood and said no; asking again brings the same answer.
    #[error("{what} was refused: {why}")]
    Refused {
        /// What was asked for, in words of the domain.
        what: String,
        /// The engine's own sentence.
        why: String,
    },
    /// Something else is under way with it, such as its removal; asking again later helps.
    #[error("{what} is busy: {why}")]
    Busy {
        /// What was asked for, in words of the domain.
        what: String,
        /// The engine's own sentence.
        why: String,
    },
    /// The engine did not answer, or not in time; asking again later may help.
    #[error("the engine cannot be reached: {0}")]
    Unreachable(String),
}

/// A place on the network that belongs to one preview.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Network {
    /// Holds the services of one revision. Has a way out to public addresses.
    Revision(RevisionNumber),
    /// Holds one generation of the preview's databases, and the services that use them. Has no way
    /// out.
    Data(Generation),
}

/// What a network must be able to hold.
#[derive(Clone, Debug)]
pub struct NetworkSpec {
    /// Whose network.
    pub preview: PreviewId,
    /// Which of its networks.
    pub network: Network,
    /// How many containers will live in it at once; the subnet is sized for this.
    pub members: usize,
}

/// Which service of which revision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey {
    /// Whose service.
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
    /// The whole environment that Dayfly adds; the image's own stays below it.
    pub env: BTreeMap<String, String>,
    /// Where the service listens inside its container.
    pub port: u16,
    /// The generation of databases whose [`Network::Data`] it also joins.
    pub data: Option<Generation>,
    /// Memory with swap, in bytes.
    pub memory_bytes: u64,
    /// Thousandths of a processor.
    pub cpu_milli: u64,
    /// Most processes and threads.
    pub pids_max: u32,
    /// Whether a small init of the engine's is process 1.
    pub init: bool,
}

/// How a command that ran to its end went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; 128 plus the signal where it was killed.
    pub exit_code: i64,
    /// Whether the kernel killed it for memory.
    pub out_of_memory: bool,
    /// The last lines it printed, both streams in order; at most [`OUTPUT_LINES_MAX`].
    pub output: Vec<String>,
}

/// How many lines of a command's output are kept.
pub const OUTPUT_LINES_MAX: usize = 200;

/// What a container is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// It was made and has not run yet.
    Created,
    /// It runs.
    Running,
    /// It was running and is not.
    Exited {
        /// Its exit code.
        exit_code: i64,
        /// Whether the kernel killed it for memory.
        out_of_memory: bool,
    },
}

/// A service as the engine sees it.
#[derive(Clone, Debug)]
pub struct ServiceState {
    /// Which service.
    pub key: ServiceKey,
    /// What it does.
    pub state: ContainerState,
    /// Where it is reached, while it runs. Never kept past a restart of the container.
    pub address: Option<SocketAddr>,
    /// The image it was made from.
    pub image: ImageId,
}

/// A service's container, looked at closely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRun {
    /// What it does. Between two runs it has exited, although the engine starts it again.
    pub state: ContainerState,
    /// Where it is reached, while it runs.
    pub address: Option<SocketAddr>,
    /// Whether it ended with an error and the engine is about to start it again.
    pub starts_again: bool,
    /// How often it ended with an error since it was last started by us.
    pub ends: u32,
    /// When a run of it last ended; while it runs, that is the run before.
    pub ended: Option<SystemTime>,
    /// Where it accepts connections; `None` where that cannot be seen.
    pub listens: Option<BTreeSet<SocketAddr>>,
}

/// A database's container as the engine sees it.
#[derive(Clone, Debug)]
pub struct DatabaseState {
    /// Which database.
    pub key: DatabaseKey,
    /// What its container does.
    pub state: ContainerState,
}

/// An image that we built, found by its labels *and* our tag.
#[derive(Clone, Debug)]
pub struct ImageState {
    /// The image.
    pub image: ImageId,
    /// Whose image.
    pub preview: PreviewId,
    /// The revision it was built for.
    pub revision: RevisionNumber,
    /// The service it was built for.
    pub service: ServiceName,
}

/// Something with our labels that is none of the above: a command cut off by a crash, a data
/// directory whose container is gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stray {
    /// Whose.
    pub preview: PreviewId,
    /// Container, network, volume or image, in the engine's word.
    pub kind: StrayKind,
    /// The engine's id or name of it.
    pub id: String,
    /// The revision in its labels, where it has one.
    pub revision: Option<RevisionNumber>,
    /// The database in its labels, where it has one.
    pub database: Option<(Generation, DatabaseName)>,
}

/// What kind of object a stray is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StrayKind {
    /// A container that is neither a service nor a database.
    Container,
    /// A volume.
    Volume,
    /// A network.
    Network,
}

/// All that the engine holds of one preview, or of all previews of this instance.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// Networks.
    pub networks: Vec<(PreviewId, Network)>,
    /// Service containers.
    pub services: Vec<ServiceState>,
    /// Database containers.
    pub databases: Vec<DatabaseState>,
    /// Databases whose data are there, with or without a container.
    pub data: Vec<DatabaseKey>,
    /// Images that we built.
    pub images: Vec<ImageState>,
    /// Everything else with our labels.
    pub strays: Vec<Stray>,
}

impl Observation {
    /// Whether nothing at all is left.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
            && self.services.is_empty()
            && self.databases.is_empty()
            && self.data.is_empty()
            && self.images.is_empty()
            && self.strays.is_empty()
    }
}

/// What one attempt to reach a service found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// It answered as it should.
    Ready,
    /// Nothing accepts connections there (yet).
    Refused,
    /// It accepted the connection, and no answer came in time.
    Silent,
    /// It accepted the connection, and closed it without an answer.
    Closed,
    /// It answered something that is not HTTP.
    NotHttp,
    /// It answered with this status, which does not count as ready.
    Status(u16),
}

/// One line a service printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When, as the engine noted it.
    pub at: SystemTime,
    /// Whether it came from standard error.
    pub stderr: bool,
    /// The line without its end; not cleaned in any way.
    pub text: Bytes,
}

/// Lines as they come.
pub type LogStream = Pin<Box<dyn Stream<Item = Result<LogLine, EngineError>> + Send>>;

/// "Something of ours changed; look again." Carries the preview where the engine named one.
pub type HintStream = Pin<Box<dyn Stream<Item = Option<PreviewId>> + Send>>;

/// Where services run.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Makes the network unless it is there. Its subnet is the smallest from /28 to /24 that holds
    /// the members, out of the configured pool, free in the engine and in the host's routes.
    ///
    /// Refused when the pool has no such subnet left; the sentence names the pool.
    async fn ensure_network(&self, spec: &NetworkSpec) -> Result<(), EngineError>;

    /// Removes the network, disconnecting whatever is still in it.
    async fn remove_network(
        &self,
        preview: &PreviewId,
        network: &Network,
    ) -> Result<(), EngineError>;

    /// Creates the service's container in its networks unless it is there with this same spec
    /// (another spec: it is removed and made again), starts it unless it runs, and answers where
    /// it is reached; `None` where it has ended already. What ends with an error is started again,
    /// after pauses that grow to a minute, for as long as its container is there.
    /// Missing: the image, or a network.
    async fn start_service(&self, spec: &ServiceSpec) -> Result<Option<SocketAddr>, EngineError>;

    /// The TCP ports that an image says it listens on. Missing: the image.
    async fn exposed_ports(&self, image: &ImageId) -> Result<BTreeSet<u16>, EngineError>;

    /// Looks closely at a service's container; `None` where it has none.
    async fn service_run(&self, key: &ServiceKey) -> Result<Option<ServiceRun>, EngineError>;

    /// Stops the service (its grace period is [`STOP_GRACE`]) and removes its container.
    async fn remove_service(&self, key: &ServiceKey) -> Result<(), EngineError>;

    /// Runs the spec's command in the spec's image and networks, in a container of its own that is
    /// gone when this returns or is dropped. `task` is a word that tells it from other runs of the
    /// same service. A non-zero exit is an [`Ended`], not an error.
    async fn run_to_end(&self, spec: &ServiceSpec, task: &str) -> Result<Ended, EngineError>;

    /// Asks the service once whether it is ready, over the network, as a visitor of `host` would.
    /// It has [`CONNECT_MAX`] to accept the connection and `limit` to answer. Never an error: what
    /// cannot be reached is a finding.
    async fn probe(
        &self,
        address: SocketAddr,
        host: &str,
        health: &Health,
        limit: Duration,
    ) -> Probe;

    /// The service's output: its last `tail` lines, then, with `follow`, whatever comes until the
    /// container ends. Missing: the container.
    async fn logs(
        &self,
        key: &ServiceKey,
        tail: usize,
        follow: bool,
    ) -> Result<LogStream, EngineError>;

    /// What is there: of one preview, or of this whole instance. Complete or an error, never a
    /// part.
    async fn observe(&self, preview: Option<&PreviewId>) -> Result<Observation, EngineError>;

    /// Removes one stray.
    async fn remove_stray(&self, stray: &Stray) -> Result<(), EngineError>;

    /// Changes as the engine reports them, best effort: a stream that ends or misses something
    /// costs time, never correctness.
    async fn hints(&self) -> Result<HintStream, EngineError>;
}

/// How long a service may take to accept the connection of a probe.
pub const CONNECT_MAX: Duration = Duration::from_secs(2);

/// How long a container may take to stop before it is killed.
pub const STOP_GRACE: Duration = Duration::from_secs(10);
