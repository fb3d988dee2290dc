//! The port from source to an image that this engine can run.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    names::{ImageId, PreviewId, RevisionNumber, ServiceName},
    source::Tree,
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
    /// Build arguments.
    pub args: BTreeMap<String, String>,
}

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
    /// A line that a step printed; not cleaned in any way.
    Log {
        /// The line without its end.
        line: String,
    },
}

/// Takes the events of a build as they come. Must not block.
pub type BuildSink = Arc<dyn Fn(BuildEvent) + Send + Sync>;

/// Why there is no image.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BuildError {
    /// The Dockerfile, or what it runs, is at fault; the same source fails the same way.
    #[error("{message}")]
    Failed {
        /// The step that failed, such as `[2/3] RUN make`, where the builder named one.
        step: Option<String>,
        /// The builder's sentence.
        message: String,
    },
    /// The Dockerfile is not in the tree.
    #[error("{path} is not in the commit")]
    NoDockerfile {
        /// The path that was looked for.
        path: String,
    },
    /// The tree cannot be sent as it is: a link leaves it, or it is over a limit.
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

/// From source to an image.
#[async_trait]
pub trait Builder: Send + Sync {
    /// Builds the image and answers its id. All our label keys are set on it, whatever its
    /// Dockerfile says, and it carries one tag of ours. Dropping the future ends the build in the
    /// engine too.
    async fn build(&self, request: &BuildRequest, sink: BuildSink) -> Result<ImageId, BuildError>;

    /// Makes sure that an image somebody else made is there, pulling it where it is not, and
    /// answers its id.
    async fn obtain(&self, reference: &str) -> Result<ImageId, BuildError>;

    /// Removes an image that [`Builder::build`] made. Nothing else is ever removed by this: an
    /// image without our tag stays. An image that a foreign container uses loses our tag only.
    async fn remove(&self, image: &ImageId) -> Result<(), BuildError>;
}
