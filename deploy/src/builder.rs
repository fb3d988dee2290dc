//! The port that turns source into an image for this engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::{
    names::{ImageId, PreviewId, RevisionNumber, ServiceName},
    source::{Absence, Tree},
};

/// One image to build.
#[derive(Clone, Debug)]
pub struct BuildRequest {
    /// The preview that owns it.
    pub preview: PreviewId,
    /// The revision it is for.
    pub revision: RevisionNumber,
    /// The service it is for.
    pub service: ServiceName,
    /// The commit's files.
    pub tree: Tree,
    /// The folder that is the build context; empty for the root of the tree.
    pub context: String,
    /// The Dockerfile's path inside the context.
    pub dockerfile: String,
    /// The stage to build; `None` is the last one.
    pub target: Option<String>,
    /// Build arguments from the blueprint.
    pub args: BTreeMap<String, String>,
    /// Build arguments that Dayfly adds: identity and address of the preview. They change with
    /// every commit, so they count only if the Dockerfile names them.
    pub facts: BTreeMap<String, String>,
    /// Secrets for `RUN --mount=type=secret`, by their ids.
    pub secrets: BTreeMap<String, BuildSecret>,
    /// A repository plus the trust level of the author. Builds of the same scope share the
    /// builder's copy of their context and their cache mounts. Builds of different scopes share
    /// nothing that one of them could have written.
    pub scope: String,
}

impl BuildRequest {
    /// The Dockerfile's path from the tree's root.
    pub fn dockerfile_path(&self) -> String {
        match self.context.as_str() {
            "" => self.dockerfile.clone(),
            context => format!("{context}/{}", self.dockerfile),
        }
    }
}

/// A secret that a build may read. Dayfly sends it from memory when a step asks for it. No layer
/// and no image history contains it.
#[derive(Clone, Debug)]
pub struct BuildSecret {
    /// The secret itself.
    pub value: SecretString,
    /// Changes when the secret changes, and reveals nothing about it.
    pub version: String,
}

/// Digest of all inputs of an image, as SHA-256 in hex. Equal fingerprints mean that nothing needs
/// to be built.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint(pub String);

/// Progress of a running build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildEvent {
    /// A step began.
    Started {
        /// Its name as the builder gives it, such as `[2/3] COPY . /srv`.
        step: String,
    },
    /// A step succeeded.
    Done {
        /// Its name.
        step: String,
        /// Whether its result came from the cache.
        cached: bool,
        /// How long it took; zero where cached.
        took: Duration,
    },
    /// A line that a step printed, with the build's secrets redacted; otherwise unmodified.
    Log {
        /// The line without its end.
        line: String,
    },
    /// A large transfer, such as a layer of a base image.
    Transfer {
        /// The builder's name for it.
        what: String,
        /// Bytes transferred so far.
        bytes: u64,
        /// Total bytes; zero if unknown.
        bytes_total: u64,
        /// Whether the transfer is complete.
        done: bool,
    },
    /// How much of the context the builder did not have yet. Sent once, at the end.
    Context {
        /// Files of the context.
        files: u64,
        /// Files that were sent.
        files_sent: u64,
        /// Bytes that were sent.
        bytes_sent: u64,
    },
    /// Records that this build left in the builder's cache. Sent once, some time after its end,
    /// even if the build was interrupted.
    Cached {
        /// Their ids.
        records: BTreeSet<String>,
    },
    /// A note about how the build runs, for users.
    Note {
        /// One sentence.
        sentence: String,
    },
}

/// One record of the builder's cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheRecord {
    /// The builder's id for it.
    pub id: String,
    /// Bytes on the engine's disk.
    pub bytes: u64,
    /// When it was last used, in milliseconds since 1970.
    pub used_at_ms: u64,
    /// Whether a build is using it.
    pub in_use: bool,
    /// Whether an image shares its bytes, which then stay as long as that image.
    pub shared: bool,
}

/// Disk use of a preview on the engine's disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskUse {
    /// Bytes of its images, including layers shared with other images.
    pub images_bytes: u64,
    /// Bytes that its containers wrote to their own layers.
    pub containers_bytes: u64,
    /// Bytes of its databases and volumes that nothing else uses; `None` if unknown.
    pub data_bytes: Option<u64>,
    /// Bytes of its databases that are shared with copies.
    #[serde(default)]
    pub shared_bytes: u64,
}

/// Receives the events of a build. Must not block.
pub type BuildSink = Arc<dyn Fn(BuildEvent) + Send + Sync>;

/// A sink that ignores all events.
pub fn silence() -> BuildSink {
    Arc::new(|_| {})
}

/// Why a build failed, as far as the builder's message shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildFault {
    /// A command of the Dockerfile exited with this code.
    Command {
        /// Its exit code.
        exit_code: i64,
    },
    /// A command was killed: by the kernel for lack of memory, or by anything else. Builders do
    /// not report which.
    Killed,
    /// It took longer than this and was stopped.
    Time {
        /// The time limit of the build.
        limit: Duration,
    },
    /// The builder does not understand the Dockerfile.
    Dockerfile {
        /// The unknown instruction or flag, if the builder names it.
        unknown: Option<String>,
        /// Newest Dockerfile syntax that works without a `# syntax=` line; `None` if the Dockerfile
        /// has such a line.
        level: Option<&'static str>,
    },
    /// A path to copy is not in the context.
    NotFound {
        /// The path as the builder names it.
        path: String,
        /// Why it is missing.
        absence: Absence,
    },
    /// The builder cannot pull an image that the Dockerfile names.
    Base {
        /// Its name.
        image: String,
        /// Whether its `# syntax=` line names it.
        is_syntax: bool,
        /// The registry that the builder asked.
        registry: String,
        /// The user name, if the server has a log-in for that registry.
        username: Option<String>,
    },
    /// A base image does not exist for this machine's processor.
    Platform,
    /// No space is left. If the builder itself reports it, the engine's disk is full; if a command
    /// reports it, any device may be full.
    Disk {
        /// The line that the command printed.
        line: Option<String>,
    },
    /// A command failed after it printed that a network peer did not answer.
    Network {
        /// The exit code of the command.
        exit_code: i64,
        /// The last line that reports it.
        line: String,
    },
    /// The image exceeds the size limit.
    Size {
        /// Size of the image, in bytes.
        bytes: u64,
        /// The size limit, in bytes.
        bytes_max: u64,
    },
    /// Anything else.
    Other,
}

/// Why there is no image.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BuildError {
    /// The Dockerfile, or a command in it, is at fault; the same source fails the same way.
    #[error("{message}")]
    Failed {
        /// The kind of failure.
        fault: Box<BuildFault>,
        /// The step that failed, such as `[2/3] RUN make`, if the builder named one.
        step: Option<String>,
        /// The line of the Dockerfile where that step begins, from 1, if known.
        line: Option<u32>,
        /// The builder's sentence.
        message: String,
    },
    /// The Dockerfile is not in the tree.
    #[error("{path} is not in the commit")]
    NoDockerfile {
        /// The expected path.
        path: String,
    },
    /// The tree cannot be sent: its ignore file is unreadable, or the tree exceeds a limit.
    #[error("cannot send the build context: {0}")]
    Context(String),
    /// An image that the blueprint uses without a build cannot be pulled.
    #[error("cannot pull image {reference}: {why}")]
    NoImage {
        /// The reference as the blueprint gives it.
        reference: String,
        /// The engine's sentence.
        why: String,
    },
    /// The builder did not answer; a later retry may help.
    #[error("the builder cannot be reached: {0}")]
    Unreachable(String),
}

impl BuildError {
    /// A build that was stopped after this long.
    pub fn timed_out(limit: Duration) -> Self {
        Self::Failed {
            fault: Box::new(BuildFault::Time { limit }),
            step: None,
            line: None,
            message: format!("the build was stopped after {} s", limit.as_secs()),
        }
    }

    /// A failure with a message and no known kind.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            fault: Box::new(BuildFault::Other),
            step: None,
            line: None,
            message: message.into(),
        }
    }
}

/// Builds images from source.
#[async_trait]
pub trait Builder: Send + Sync {
    /// Digest of all inputs of the image: the files of the context, the Dockerfile, arguments,
    /// stage, and the versions of secrets. Does not contact the builder.
    async fn fingerprint(&self, request: &BuildRequest) -> Result<Fingerprint, BuildError>;

    /// Builds the image and returns its id. The image has all our labels, whatever its Dockerfile
    /// says, and one tag of ours. Dropping the future also ends the build in the engine.
    async fn build(&self, request: &BuildRequest, sink: BuildSink) -> Result<ImageId, BuildError>;

    /// Waits until no build of the preview can create an image any more. Some engines finish
    /// writing an image after its build was dropped, or after the process that started it died.
    async fn ended(&self, preview: &PreviewId);

    /// All records of the builder's cache, including those of other programs.
    async fn cache(&self) -> Result<Vec<CacheRecord>, BuildError>;

    /// Removes exactly these records from the builder's cache; records in use stay.
    async fn forget_cache(&self, ids: &[String]) -> Result<(), BuildError>;

    /// Disk use of the preview on the engine's disk. This can be slow.
    async fn disk_use(&self, preview: &PreviewId) -> Result<DiskUse, BuildError>;

    /// Used share of the engine's disk, in percent; `None` if unknown.
    async fn disk_percent(&self) -> Option<u64>;

    /// Why no build should start now, such as a full disk; for users. If the state is unknown,
    /// nothing blocks.
    async fn blocker(&self) -> Option<String>;

    /// Ensures that an image which Dayfly did not build is present, pulls it if necessary, and
    /// returns its id.
    async fn obtain(&self, reference: &str, sink: BuildSink) -> Result<ImageId, BuildError>;

    /// Shares an image from [`Builder::build`] with another preview, as if it had been built for
    /// that preview: either can be removed without the other. `false` if the image does not exist.
    async fn share(
        &self,
        image: &ImageId,
        preview: &PreviewId,
        revision: RevisionNumber,
        service: &ServiceName,
    ) -> Result<bool, BuildError>;

    /// Removes an image that [`Builder::build`] made for the preview, or that was shared with it.
    /// An image without our tag stays. An image that a foreign container or another preview uses
    /// only loses our tag.
    async fn remove(&self, preview: &PreviewId, image: &ImageId) -> Result<(), BuildError>;
}
