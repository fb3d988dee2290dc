//! Everything said to and heard from the forge.
//!
//! Heard: [`receive`] takes signed webhooks, verifies them and hands them to an [`Intake`].
//! Said: a [`Forge`] reads pull requests and keeps comments, deployments and statuses;
//! [`github`] is the one there is. The feature `model` adds `model`, a GitHub in this process
//! that the demo and the tests share.
//!
//! Not here: what a preview is, what is done about a pull request, and when.

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
