//! Implements the port with the functions of the other files.

use async_trait::async_trait;

use super::{GitHub, repositories::named};
use crate::{
    forge::{CloneAccess, Deployment, DeploymentState, Forge, ForgeError, PullRequest, Repository},
    names::{CommitSha, PullRequestNumber, RepoName},
};

#[async_trait]
impl Forge for GitHub {
    async fn repositories(&self) -> Result<Vec<Repository>, ForgeError> {
        self.list_repositories().await
    }

    async fn repository(&self, repo: &RepoName) -> Result<Repository, ForgeError> {
        named(&self.read_repository(repo).await?)
    }

    async fn pull_request(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
    ) -> Result<PullRequest, ForgeError> {
        self.read_pull_request(repo, number).await
    }

    async fn open_pull_requests(&self, repo: &RepoName) -> Result<Vec<PullRequest>, ForgeError> {
        self.list_open(repo).await
    }

    async fn keep_comment(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
        marker: &str,
        body: &str,
    ) -> Result<(), ForgeError> {
        self.keep_one_comment(repo, number, marker, body).await
    }

    async fn keep_deployment(
        &self,
        repo: &RepoName,
        deployment: &Deployment,
    ) -> Result<(), ForgeError> {
        self.keep_one_deployment(repo, deployment).await
    }

    async fn delete_deployments(&self, repo: &RepoName, preview: &str) -> Result<(), ForgeError> {
        self.delete_all_deployments(repo, preview).await
    }

    async fn set_commit_status(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        state: DeploymentState,
        description: &str,
        url: Option<&str>,
    ) -> Result<(), ForgeError> {
        self.mark_commit(repo, commit, state, description, url)
            .await
    }

    async fn clone_access(&self, repo: &RepoName) -> Result<CloneAccess, ForgeError> {
        self.fetch_access(repo).await
    }
}
