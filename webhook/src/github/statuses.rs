//! Sets the status of a commit.

use serde_json::json;

use super::{GitHub, ask::Ask, deployments::clip, known::KnownStatus};
use crate::{
    forge::{DeploymentState, ForgeError},
    names::{CommitSha, RepoName},
};

/// The context of Dayfly's statuses.
const CONTEXT: &str = "dayfly";

impl GitHub {
    pub(super) async fn mark_commit(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        state: DeploymentState,
        description: &str,
        url: Option<&str>,
    ) -> Result<(), ForgeError> {
        let slot = self
            .statuses
            .slot((repo.clone(), commit.as_str().to_owned()));
        let mut known = slot.lock().await;
        let wanted = Some(KnownStatus {
            state: state_name(state),
            description: clip(description),
            url: url.map(str::to_owned),
        });
        if *known == wanted {
            return Ok(());
        }
        let mut body = json!({
            "state": state_name(state),
            "description": clip(description),
            "context": CONTEXT,
        });
        if let Some(url) = url {
            body["target_url"] = json!(url);
        }
        let path = format!("/repos/{repo}/statuses/{commit}");
        let ask = Ask::post(path, format!("a status of commit {commit} of {repo}"), body);
        self.send(repo, &ask).await?;
        *known = wanted;
        Ok(())
    }
}

/// A removed preview is not a failure: it must not block a merge.
fn state_name(state: DeploymentState) -> &'static str {
    match state {
        DeploymentState::Queued | DeploymentState::InProgress => "pending",
        DeploymentState::Success | DeploymentState::Inactive => "success",
        DeploymentState::Failure => "failure",
    }
}
