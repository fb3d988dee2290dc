//! The port from source to an image that this engine can run.

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
    /// Whose image.
    pub preview: PreviewId,
    /// The revision it is for.
    pub revision: RevisionNumber,
    /// The service it is for.
    pub service: ServiceName,
    /// The commit's files.
    pub tree: Tree,
    /// The folder of the tree that is the context; empty for its root.
    pub context: String,
    /// The Dockerfile's path inside the context.
    pub dockerfile: String,
    /// The stage to build; the last one where absent.
    pub target: Option<String>,
    /// Build arguments that the blueprint gives.
    pub args: BTreeMap<String, String>,
    /// Build arguments that Dayfly gives: who and where the preview is. They change with every
    /// commit, so they count only where the Dockerfile names them.
    pub facts: BTreeMap<String, String>,
    /// Secrets for `RUN --mount=type=secret`, by their ids.
    pub secrets: BTreeMap<String, BuildSecret>,
    /// Builds of the same scope share the builder's copy of their context and their cache mounts;
    /// builds of different scopes share nothing that one of them could have written. A repository,
    /// and how far its author is trusted.
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

/// A secret that a build may read. It is given to the builder when a step asks for it, from memory,
/// and is neither in a layer nor in the image's history.
#[derive(Clone, Debug)]
pub struct BuildSecret {
    /// The secret itself.
    pub value: SecretString,
    /// Changes when the secret does, and tells nothing about it.
    pub version: String,
}

/// Digest of everything that decides what an image will be; equal ones mean that there is nothing
/// to build. SHA-256 in hex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint(pub String);

/// What a running build has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildEvent {
    /// A step began.
    Started {
        /// Its name as the builder gives it, such as `[2/3] COPY . /srv`.
        step: String,
    },
    /// A step ended well.
    Done {
        /// Its name.
        step: String,
        /// Whether its result came from the cache.
        cached: bool,
        /// How long it took; zero where cached.
        took: Duration,
    },
    /// A line that a step printed, without the build's secrets; not cleaned in any other way.
    Log {
        /// The line without its end.
        line: String,
    },
    /// Something large is on its way, such as a layer of a base image.
    Transfer {
        /// What, as the builder calls it.
        what: String,
        /// Bytes so far.
        bytes: u64,
        /// Bytes of all of it; zero where that is not known.
        bytes_total: u64,
        /// Whether it is there.
        done: bool,
    },
    /// How much of the context the builder did not have yet. Told once, at the end.
    Context {
        /// Files of the context.
        files: u64,
        /// Files that were sent.
        files_sent: u64,
        /// Bytes that were sent.
        bytes_sent: u64,
    },
    /// Records of the builder's cache that this build left. Told once, some time after its end,
    /// also where it was cut off.
    Cached {
        /// Their ids.
        records: BTreeSet<String>,
    },
    /// Something about the way of building that people should know.
    Note {
        /// One sentence.
        sentence: String,
    },
}

/// Something that the builder keeps, so that it need not be made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheRecord {
    /// The builder's id of it.
    pub id: String,
    /// Bytes on the engine's disk.
    pub bytes: u64,
    /// When it was last of use, in milliseconds since 1970.
    pub used_at_ms: u64,
    /// Whether something needs it right now.
    pub in_use: bool,
    /// Whether an image has the same bytes, which stay as long as that image does.
    pub shared: bool,
}

/// How much of the engine's disk a preview has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskUse {
    /// Bytes of its images, with the layers that they share with others.
    pub images_bytes: u64,
    /// Bytes that its containers wrote into themselves.
    pub containers_bytes: u64,
    /// Bytes of its databases and volumes that nothing else uses, where they can be seen.
    pub data_bytes: Option<u64>,
    /// Bytes of its databases that copies share.
    #[serde(default)]
    pub shared_bytes: u64,
}

/// Takes the events of a build as they come. Must not block.
pub type BuildSink = Arc<dyn Fn(BuildEvent) + Send + Sync>;

/// For those who want to hear nothing.
pub fn silence() -> BuildSink {
    Arc::new(|_| {})
}

/// Why a build failed, as far as the builder's words tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildFault {
    /// A command of the Dockerfile ended with this code.
    Command {
        /// What it ended with.
        exit_code: i64,
    },
    /// A command was killed: by the kernel for want of memory, or by anybody else. Builders do not tell.
    Killed,
    /// It took longer than this and was stopped.
    Time {
        /// How long it was given.
        limit: Duration,
    },
    /// The builder does not understand the Dockerfile.
    Dockerfile {
        /// What it does not know, where it names it.
        unknown: Option<String>,
        /// Newest Dockerfile syntax that is known to work without a `# syntax=` line; none where the
        /// Dockerfile has such a line.
        level: Option<&'static str>,
    },
    /// What is copied is not in the context.
    NotFound {
        /// The path as the builder names it.
        path: String,
        /// Why it is not there.
        absence: Absence,
    },
    /// An image that the Dockerfile names cannot be had.
    Base {
        /// Its name.
        image: String,
        /// Whether its `# syntax=` line names it.
        is_syntax: bool,
        /// The registry that was asked.
        registry: String,
        /// As whom it was asked, where the server has a log-in for that registry.
        username: Option<String>,
    },
    /// A base image does not exist for this machine's processor.
    Platform,
    /// There is no space left: on the engine's disk where the builder itself says so, on some device where
    /// a command does.
    Disk {
        /// The line that the command printed.
        line: Option<String>,
    },
    /// A command ended with an error after it said that something did not answer over the network.
    Network {
        /// What the command ended with.
        exit_code: i64,
        /// The last line that says so.
        line: String,
    },
    /// The image is larger than allowed.
    Size {
        /// Its bytes.
        bytes: u64,
        /// The most that are allowed.
        bytes_max: u64,
    },
    /// Anything else.
    Other,
}

/// Why there is no image.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BuildError {
    /// The Dockerfile, or what it runs, is at fault; the same source fails the same way.
    #[error("{message}")]
    Failed {
        /// What kind of failure it is.
        fault: Box<BuildFault>,
        /// The step that failed, such as `[2/3] RUN make`, where the builder named one.
        step: Option<String>,
        /// The line of the Dockerfile where that step begins, from 1, where it is known.
        line: Option<u32>,
        /// The builder's sentence.
        message: String,
    },
    /// The Dockerfile is not in the tree.
    #[error("{path} is not in the commit")]
    NoDockerfile {
        /// The path that was looked for.
        path: String,
    },
    /// The tree cannot be sent as it is: its ignore file cannot be read, or it is over a limit.
    #[error("the build context cannot be sent: {0}")]
    Context(String),
    /// An image that is used as it is cannot be had.
    #[error("image {reference} cannot be had: {why}")]
    NoImage {
        /// The reference as the blueprint gives it.
        reference: String,
        /// The engine's sentence.
        why: String,
    },
    /// The builder did not answer; asking again later may help.
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

    /// A failure of which no more is known than this sentence.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            fault: Box::new(BuildFault::Other),
            step: None,
            line: None,
            message: message.into(),
        }
    }
}

/// From source to an image.
#[async_trait]
pub trait Builder: Send + Sync {
    /// What decides what the image will be: the files of the context, the Dockerfile, arguments,
    /// stage, and the versions of secrets. Asks no builder.
    async fn fingerprint(&self, request: &BuildRequest) -> Result<Fingerprint, BuildError>;

    /// Builds the image and answers its id. All our label keys are set on it, whatever its
    /// Dockerfile says, and it carries one tag of ours. Dropping the future ends the build in the
    /// engine too.
    async fn build(&self, request: &BuildRequest, sink: BuildSink) -> Result<ImageId, BuildError>;

    /// Waits until no build of the preview can make an image any more. What was being written when its
    /// build was dropped, or when the process died that had asked for it, is written to the end by some
    /// engines.
    async fn ended(&self, preview: &PreviewId);

    /// Everything that the builder keeps, of whomever.
    async fn cache(&self) -> Result<Vec<CacheRecord>, BuildError>;

    /// Takes these records out of the builder's cache, and no others; one that is in use stays.
    async fn forget_cache(&self, ids: &[String]) -> Result<(), BuildError>;

    /// How much of the engine's disk the preview has. Counting takes its time.
    async fn disk_use(&self, preview: &PreviewId) -> Result<DiskUse, BuildError>;

    /// How much of the engine's disk is in use, in percent, where that can be seen.
    async fn disk_percent(&self) -> Option<u64>;

    /// Why no build should begin now, such as a full disk; for people. Where nothing can be found
    /// out, nothing blocks.
    async fn blocker(&self) -> Option<String>;

    /// Makes sure that an image somebody else made is there, pulling it where it is not, and
    /// answers its id.
    async fn obtain(&self, reference: &str, sink: BuildSink) -> Result<ImageId, BuildError>;

    /// Lets another preview have an image that [`Builder::build`] made, as if it had been built for
    /// it: each of them can be removed without the other. `false` where the image is not there.
    async fn share(
        &self,
        image: &ImageId,
        preview: &PreviewId,
        revision: RevisionNumber,
        service: &ServiceName,
    ) -> Result<bool, BuildError>;

    /// Removes an image that [`Builder::build`] made for the preview, or that was shared with it.
    /// Nothing else is ever removed by this: an image without our tag stays. An image that a foreign
    /// container, or another preview, uses loses our tag only.
    async fn remove(&self, preview: &PreviewId, image: &ImageId) -> Result<(), BuildError>;
}
