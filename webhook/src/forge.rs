//! The port to the forge, the service that hosts the pull requests.
//!
//! Every operation is safe to repeat. It either reads, or *keeps* an object: it looks for what an
//! earlier call created before it creates anything. So a crash between the effect and its record
//! creates no second comment or deployment. This module decides nothing.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::names::{CommitSha, PullRequestNumber, RepoName, RepositoryId};

/// A repository with its current name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Never changes.
    pub id: RepositoryId,
    /// May change.
    pub name: RepoName,
}

/// Whether a pull request is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullRequestState {
    /// It is open and gets a preview.
    Open,
    /// It was closed without merging.
    Closed,
    /// It was merged.
    Merged,
}

/// A pull request at the time of the read. Title, branches and author are untrusted text: they are
/// shown escaped, and never become part of a name or an argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// The repository it targets, with its current name.
    pub repository: Repository,
    /// Its number in that repository.
    pub number: PullRequestNumber,
    /// Open, closed or merged.
    pub state: PullRequestState,
    /// The commit at its head.
    pub head: CommitSha,
    /// The branch at its head.
    pub head_branch: String,
    /// The repository that contains its head; `None` when that was deleted.
    pub head_repository: Option<RepositoryId>,
    /// The branch it is to be merged into.
    pub base_branch: String,
    /// Whether it is marked as not ready for review.
    pub draft: bool,
    /// The account that opened it.
    pub author: String,
    /// Its title.
    pub title: String,
}

impl PullRequest {
    /// Whether its code comes from outside the repository. A deleted head repository counts as
    /// outside.
    pub fn is_from_fork(&self) -> bool {
        self.head_repository != Some(self.repository.id)
    }
}

/// Why a request to the forge failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ForgeError {
    /// The forge reports that the object does not exist. This alone must not be taken for "closed".
    #[error("{0} was not found on the forge")]
    NotFound(String),
    /// The forge understood the request and refused it (401, 403, 422).
    #[error("the forge refused to {what}: {why}")]
    Refused {
        /// The refused action, worded to follow "to".
        what: String,
        /// The status and the forge's message.
        why: String,
    },
    /// Too many requests; the forge names a time to wait.
    #[error("the forge limits requests; retry in {}s", retry_after.as_secs())]
    RateLimited {
        /// How long to wait before the next request.
        retry_after: Duration,
    },
    /// There is no answer, a 5xx, or an answer that is not from the forge's API (an HTML page).
    #[error("the forge is unavailable: {0}")]
    Unavailable(String),
}

/// The state of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeploymentState {
    /// Waiting for its turn.
    Queued,
    /// Being built or started.
    InProgress,
    /// It is serving.
    Success,
    /// It failed.
    Failure,
    /// It was removed.
    Inactive,
}

/// A deployment to keep: one record per preview and revision, found again by its payload.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The preview's id; part of the natural key.
    pub preview: String,
    /// The revision's number; part of the natural key.
    pub revision: u32,
    /// The deployed commit.
    pub commit: CommitSha,
    /// Its state.
    pub state: DeploymentState,
    /// One sentence of at most 140 characters.
    pub description: String,
    /// The preview's URL, once it is serving.
    pub url: Option<String>,
}

/// The environment name of all deployment records.
pub const ENVIRONMENT: &str = "preview";

/// Access for fetching a repository.
#[derive(Clone, Debug)]
pub struct CloneAccess {
    /// Its URL, without credentials.
    pub url: String,
    /// The password of user `x-access-token`, if the repository requires one.
    pub token: Option<SecretString>,
    /// When the token expires.
    pub expires_at: Option<SystemTime>,
}

/// The service that hosts the pull requests.
#[async_trait]
pub trait Forge: Send + Sync {
    /// The repositories that this installation can access; the sweep checks all of them.
    async fn repositories(&self) -> Result<Vec<Repository>, ForgeError>;

    /// One repository by name. The forge redirects an old name.
    async fn repository(&self, repo: &RepoName) -> Result<Repository, ForgeError>;

    /// One pull request, read from the forge: never from a cache without revalidation.
    async fn pull_request(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
    ) -> Result<PullRequest, ForgeError>;

    /// All open pull requests: every page, or an error.
    async fn open_pull_requests(&self, repo: &RepoName) -> Result<Vec<PullRequest>, ForgeError>;

    /// Keeps one comment whose body contains `marker`: edits an existing one in place, or creates
    /// one. `body` contains the marker.
    async fn keep_comment(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
        marker: &str,
        body: &str,
    ) -> Result<(), ForgeError>;

    /// Keeps one deployment record and sets this state, unless it already has that state.
    async fn keep_deployment(
        &self,
        repo: &RepoName,
        deployment: &Deployment,
    ) -> Result<(), ForgeError>;

    /// Deletes all deployment records of a preview.
    async fn delete_deployments(&self, repo: &RepoName, preview: &str) -> Result<(), ForgeError>;

    /// Sets the status of a commit under the context `dayfly`.
    async fn set_commit_status(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        state: DeploymentState,
        description: &str,
        url: Option<&str>,
    ) -> Result<(), ForgeError>;

    /// The access for fetching this repository; the token is limited to it.
    async fn clone_access(&self, repo: &RepoName) -> Result<CloneAccess, ForgeError>;
}
