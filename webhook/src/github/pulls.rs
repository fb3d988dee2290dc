//! Reads pull requests.

use crate::{
    forge::{ForgeError, PullRequest, PullRequestState},
    names::{CommitSha, PullRequestNumber, RepoName, RepositoryId},
};

use super::{GitHub, ask::Ask, repositories::named, wire::Pull};

/// The name that GitHub shows for a deleted account.
const GHOST: &str = "ghost";

impl GitHub {
    pub(super) async fn read_pull_request(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
    ) -> Result<PullRequest, ForgeError> {
        let path = format!("/repos/{repo}/pulls/{}", number.0);
        let ask = Ask::get(path, format!("pull request {number} of {repo}"));
        pull_request(self.read(repo, ask).await?)
    }

    pub(super) async fn list_open(&self, repo: &RepoName) -> Result<Vec<PullRequest>, ForgeError> {
        // Oldest first: a pull request opened meanwhile comes last and shifts no page.
        let path = format!("/repos/{repo}/pulls?state=open&sort=created&direction=asc");
        let subject = format!("the open pull requests of {repo}");
        let pulls: Vec<Pull> = self.read_all(repo, &path, &subject).await?;
        pulls.into_iter().map(pull_request).collect()
    }
}

fn pull_request(pull: Pull) -> Result<PullRequest, ForgeError> {
    let merged = pull.merged.unwrap_or_default() || pull.merged_at.is_some();
    let state = match pull.state.as_str() {
        "open" => PullRequestState::Open,
        "closed" if merged => PullRequestState::Merged,
        "closed" => PullRequestState::Closed,
        other => {
            let other: String = other.chars().take(80).collect();
            return Err(ForgeError::Unavailable(format!(
                "pull request #{} has the unknown state {other:?}",
                pull.number
            )));
        }
    };
    Ok(PullRequest {
        repository: named(&pull.base.repo)?,
        number: PullRequestNumber(pull.number),
        state,
        head: CommitSha::parse(&pull.head.sha)
            .map_err(|error| ForgeError::Unavailable(error.to_string()))?,
        head_branch: pull.head.branch,
        head_repository: pull.head.repo.map(|repo| RepositoryId(repo.id)),
        base_branch: pull.base.branch,
        draft: pull.draft.unwrap_or_default(),
        author: pull
            .user
            .map_or_else(|| GHOST.to_owned(), |user| user.login),
        title: pull.title,
    })
}
