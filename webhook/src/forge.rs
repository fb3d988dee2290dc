//! The port to where pull requests live.
//!
//! Everything here is a question that can be asked again, or a *keep* that finds what an earlier
//! call made before it makes anything: a crash between the effect and its record makes no second
//! comment and no second deployment. Nothing here decides.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::names::{CommitSha, PullRequestNumber, RepoName, RepositoryId};

/// A repository as the forge names it today.
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
    /// It wants a preview.
    Open,
    /// It was closed without merging.
    Closed,
    /// It was merged.
    Merged,
}

/// A pull request as it stood when it was read. Title, branches and log-in are outside text:
/// shown escaped, never part of a name or an argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// The repository it is opened against, as named today.
    pub repository: Repository,
    /// Its number there.
    pub number: PullRequestNumber,
    /// Open, closed or merged.
    pub state: PullRequestState,
    /// The commit at its head.
    pub head: CommitSha,
    /// The branch at its head.
    pub head_branch: String,
    /// The repository its head lives in; none when that was deleted.
    pub head_repository: Option<RepositoryId>,
    /// The branch it asks to be merged into.
    pub base_branch: String,
    /// Not ready for review.
    pub draft: bool,
    /// Who opened it.
    pub author: String,
    /// What it is called.
    pub title: String,
}

impl PullRequest {
    /// Whether its code comes from outside the repository. A deleted head repository counts.
    pub fn is_from_fork(&self) -> bool {
        self.head_repository != Some(self.repository.id)
    }
}

/// Why the forge did not answer as hoped.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ForgeError {
    /// The forge says there is no such thing. Not to be taken for "closed" on its word alone.
    #[error("{0} was not found on the forge")]
    NotFound(String),
    /// The forge understood and said no (401, 403, 422).
    #[error("the forge refused to {what}: {why}")]
    Refused {
        /// What was asked, after "to".
        what: String,
        /// Status and the forge's sentence.
        why: String,
    },
    /// Too many requests; the forge names a time after which to ask again.
    #[error("the forge asks to wait {}s", retry_after.as_secs())]
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// No answer, a 5xx, or an answer that is not what the forge speaks (an HTML page).
    #[error("the forge cannot be read: {0}")]
    Unavailable(String),
}

/// What a deployment is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeploymentState {
    /// Waiting for its turn.
    Queued,
    /// Being built or started.
    InProgress,
    /// It serves.
    Success,
    /// It does not.
    Failure,
    /// It was taken away.
    Inactive,
}

/// A deployment to keep: one record per preview and revision, found again by its payload.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The preview's id; part of the natural key.
    pub preview: String,
    /// The revision's number; part of the natural key.
    pub revision: u32,
    /// What is deployed.
    pub commit: CommitSha,
    /// Where it stands.
    pub state: DeploymentState,
    /// One sentence of at most 140 characters.
    pub description: String,
    /// The preview's address, once it serves.
    pub url: Option<String>,
}

/// The one environment name all deployment records carry.
pub const ENVIRONMENT: &str = "preview";

/// How to fetch a repository.
#[derive(Clone, Debug)]
pub struct CloneAccess {
    /// Its URL, without any credential.
    pub url: String,
    /// Sent as the password of user `x-access-token`, where the repository asks for one.
    pub token: Option<SecretString>,
    /// After this the token is worthless.
    pub expires_at: Option<SystemTime>,
}

/// Where pull requests live.
#[async_trait]
pub trait Forge: Send + Sync {
    /// The repositories that this installation may see; what the sweep goes through.
    async fn repositories(&self) -> Result<Vec<Repository>, ForgeError>;

    /// One repository by name. The name may be an old one that the forge redirects.
    async fn repository(&self, repo: &RepoName) -> Result<Repository, ForgeError>;

    /// One pull request, read now: never from a cache that was not revalidated.
    async fn pull_request(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
    ) -> Result<PullRequest, ForgeError>;

    /// All open pull requests: every page, or an error.
    async fn open_pull_requests(&self, repo: &RepoName) -> Result<Vec<PullRequest>, ForgeError>;

    /// Keeps one comment whose body contains `marker`: edits it in place where it exists, makes it
    /// where it does not. `body` contains the marker.
    async fn keep_comment(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
        marker: &str,
        body: &str,
    ) -> Result<(), ForgeError>;

    /// Keeps one deployment record and gives it this state, unless that is its state already.
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

    /// What a fetch of this repository needs, narrowed to this repository.
    async fn clone_access(&self, repo: &RepoName) -> Result<CloneAccess, ForgeError>;
}
