//! Direct access to the model's state, without HTTP.

use std::time::Duration;

use super::{
    config::ModelWebhook,
    server::ModelGitHub,
    state::{Comment, CommentView, CommitStatusView, DeploymentView},
    webhooks::{Policy, SentDelivery},
};
use crate::names::{CommitSha, PullRequestNumber, RepoName, RepositoryId};

impl ModelGitHub {
    /// Sets the target of later events.
    pub fn set_webhook(&self, webhook: Option<ModelWebhook>) {
        self.inner.state().webhooks.target = webhook;
    }

    /// Sets the policy of later events.
    pub fn deliver(&self, policy: Policy) {
        self.inner.state().webhooks.set_usual(policy);
    }

    /// Sets the policy of the next events; then the usual one applies again.
    pub fn deliver_next(&self, policy: Policy, times: usize) {
        self.inner.state().webhooks.set_next(policy, times);
    }

    /// Delivers the held delivery with this GUID; false if there is none.
    pub fn release(&self, guid: &str) -> bool {
        self.inner.state().webhooks.release(guid)
    }

    /// Delivers all held deliveries, in the order that `order` gives them.
    pub fn release_held(&self, order: impl FnOnce(&mut Vec<SentDelivery>)) {
        let mut held: Vec<SentDelivery> = self.deliveries();
        held.retain(|delivery| delivery.held);
        order(&mut held);
        for delivery in held {
            self.release(&delivery.guid);
        }
    }

    /// Delivers again, with the same GUID; false if there is no such delivery.
    pub fn redeliver(&self, guid: &str) -> bool {
        self.inner.state().webhooks.redeliver(guid)
    }

    /// All deliveries, oldest first.
    pub fn deliveries(&self) -> Vec<SentDelivery> {
        self.inner.state().webhooks.all()
    }

    /// The comments on a pull request, oldest first.
    pub fn comments(&self, repo: &RepoName, number: PullRequestNumber) -> Vec<CommentView> {
        let state = self.inner.state();
        let comments = state.repo(repo).map_or(&[][..], |r| &r.comments);
        comments
            .iter()
            .filter(|comment| comment.number == number.0)
            .map(|comment| CommentView {
                id: comment.id,
                author: comment.author.clone(),
                body: comment.body.clone(),
                edits: comment.edits,
            })
            .collect()
    }

    /// Adds a comment under any login.
    pub fn comment_as(&self, repo: &RepoName, number: PullRequestNumber, author: &str, body: &str) {
        let mut state = self.inner.state();
        let comment = Comment {
            id: state.next_id(),
            number: number.0,
            author: author.to_owned(),
            body: body.to_owned(),
            edits: 0,
            at: state.timestamp(),
        };
        if let Some(repo) = state.repo_mut(repo) {
            repo.comments.push(comment);
        }
    }

    /// Deletes a comment, as a person can.
    pub fn delete_comment(&self, repo: &RepoName, id: u64) {
        if let Some(repo) = self.inner.state().repo_mut(repo) {
            repo.comments.retain(|comment| comment.id != id);
        }
    }

    /// The deployment records of a repository, oldest first.
    pub fn deployments(&self, repo: &RepoName) -> Vec<DeploymentView> {
        let state = self.inner.state();
        let deployments = state.repo(repo).map_or(&[][..], |r| &r.deployments);
        deployments
            .iter()
            .map(|deployment| DeploymentView {
                id: deployment.id,
                sha: deployment.sha.clone(),
                request: deployment.request.clone(),
                statuses: deployment.statuses.clone(),
            })
            .collect()
    }

    /// The commit statuses of a repository, oldest first.
    pub fn commit_statuses(&self, repo: &RepoName) -> Vec<CommitStatusView> {
        let state = self.inner.state();
        state
            .repo(repo)
            .map_or_else(Vec::new, |r| r.statuses.clone())
    }

    /// The tip of a branch.
    pub fn tip(&self, repo: &RepoName, branch: &str) -> Option<CommitSha> {
        let state = self.inner.state();
        state.repo(repo)?.branches.get(branch).cloned()
    }

    /// The id of a repository.
    pub fn repository_id(&self, repo: &RepoName) -> Option<RepositoryId> {
        let state = self.inner.state();
        state.repo(repo).map(|repo| RepositoryId(repo.id))
    }

    /// Sets the number of requests left until the quota resets.
    pub fn set_quota_left(&self, requests: u64) {
        self.inner.state().quota_left = requests;
    }

    /// Moves the model's clock ahead, which expires tokens.
    pub fn advance_clock(&self, by: Duration) {
        self.inner.state().advance(by);
    }
}
