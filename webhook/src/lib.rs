//! All communication with the forge.
//!
//! Inbound: [`receive`] accepts signed webhooks, verifies them and hands them to an [`Intake`].
//! Outbound: a [`Forge`] reads pull requests and keeps comments, deployments and statuses;
//! [`github`] is the only implementation. The feature `model` adds `model`, an in-process GitHub
//! that the demo and the tests share.
//!
//! Not here: the meaning of a preview, and which actions follow from a pull request, and when.

pub mod forge;
pub mod github;
pub mod intake;
#[cfg(feature = "model")]
pub mod model;
pub mod names;
pub mod receive;

pub use forge::{
    CloneAccess, Deployment, DeploymentState, ENVIRONMENT, Forge, ForgeError, PullRequest,
    PullRequestState, Repository,
};
pub use github::{Credential, GitHub, GitHubConfig};
pub use intake::{Accepted, Delivery, Hint, Intake, IntakeError};
pub use names::{CommitSha, NameError, PullRequestNumber, RepoName, RepositoryId};
pub use receive::ReceiveConfig;
