//! One deployment record per preview and revision, found again by its payload.

use serde_json::{Value, json};

use super::{
    GitHub,
    ask::Ask,
    known::{KnownDeployment, Status},
    wire::{self, Created, DeploymentStatus},
};
use crate::{
    forge::{Deployment, DeploymentState, ENVIRONMENT, ForgeError},
    names::RepoName,
};

/// GitHub refuses longer descriptions.
const DESCRIPTION_CHARACTERS_MAX: usize = 140;

impl GitHub {
    /// Holds the slot throughout: two concurrent calls for the same record create only one.
    pub(super) async fn keep_one_deployment(
        &self,
        repo: &RepoName,
        deployment: &Deployment,
    ) -> Result<(), ForgeError> {
        let key = (
            repo.clone(),
            deployment.preview.clone(),
            deployment.revision,
        );
        let slot = self.deployments.slot(key);
        let mut known = slot.lock().await;
        let wanted = Status {
            state: state(deployment.state),
            description: clip(&deployment.description),
            url: deployment.url.clone().unwrap_or_default(),
        };
        if let Some(record) = known.take() {
            match self.keep_status(repo, record, &wanted).await {
                Ok(record) => {
                    *known = Some(record);
                    return Ok(());
                }
                // Someone deleted the record; searches for another one, or creates a new one.
                Err(ForgeError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let record = match self.find_deployment(repo, deployment).await? {
            Some(record) => record,
            None => self.create_deployment(repo, deployment).await?,
        };
        *known = Some(self.keep_status(repo, record, &wanted).await?);
        Ok(())
    }

    pub(super) async fn delete_all_deployments(
        &self,
        repo: &RepoName,
        preview: &str,
    ) -> Result<(), ForgeError> {
        self.deployments
            .forget(|(name, of, _)| name == repo && of == preview);
        let path = format!("/repos/{repo}/deployments?environment={ENVIRONMENT}");
        let all = self.list_deployments(repo, &path).await?;
        let ours =
            |record: &&wire::Deployment| key(&record.payload).is_some_and(|k| k.0 == preview);
        for record in all.iter().filter(ours) {
            match self.delete_deployment(repo, record.id).await {
                // A record that someone else deleted in the meantime is fine.
                Ok(()) | Err(ForgeError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn find_deployment(
        &self,
        repo: &RepoName,
        deployment: &Deployment,
    ) -> Result<Option<KnownDeployment>, ForgeError> {
        let path = format!(
            "/repos/{repo}/deployments?environment={ENVIRONMENT}&sha={}",
            deployment.commit
        );
        let wanted = (deployment.preview.clone(), u64::from(deployment.revision));
        let all = self.list_deployments(repo, &path).await?;
        let found = all
            .iter()
            .find(|record| key(&record.payload).as_ref() == Some(&wanted));
        let Some(record) = found else { return Ok(None) };
        Ok(Some(KnownDeployment {
            id: record.id,
            status: self.latest_status(repo, record.id).await?,
        }))
    }

    async fn list_deployments(
        &self,
        repo: &RepoName,
        path: &str,
    ) -> Result<Vec<wire::Deployment>, ForgeError> {
        let subject = format!("the deployments of {repo}");
        self.read_all(repo, path, &subject).await
    }

    /// GitHub lists the newest status first.
    async fn latest_status(&self, repo: &RepoName, id: u64) -> Result<Option<Status>, ForgeError> {
        let path = format!("/repos/{repo}/deployments/{id}/statuses?per_page=1");
        let ask = Ask::get(path, format!("the statuses of deployment {id} of {repo}"));
        let statuses: Vec<DeploymentStatus> = self.read(repo, ask).await?;
        let states = ["queued", "in_progress", "success", "failure", "inactive"];
        Ok(statuses.into_iter().next().and_then(|status| {
            Some(Status {
                state: states.into_iter().find(|state| *state == status.state)?,
                description: status.description.unwrap_or_default(),
                url: status.environment_url.unwrap_or_default(),
            })
        }))
    }

    async fn create_deployment(
        &self,
        repo: &RepoName,
        deployment: &Deployment,
    ) -> Result<KnownDeployment, ForgeError> {
        let body = json!({
            "ref": deployment.commit,
            "environment": ENVIRONMENT,
            "auto_merge": false,
            "required_contexts": [],
            "transient_environment": true,
            "production_environment": false,
            "description": clip(&deployment.description),
            "payload": { "dayfly": {
                "preview": deployment.preview,
                "revision": deployment.revision,
            }},
        });
        let path = format!("/repos/{repo}/deployments");
        let ask = Ask::post(path, format!("a deployment of {repo}"), body);
        let answer = self.send(repo, &ask).await?;
        let created: Created = super::decode::decode(&ask, &answer)?;
        Ok(KnownDeployment {
            id: created.id,
            status: None,
        })
    }

    async fn keep_status(
        &self,
        repo: &RepoName,
        record: KnownDeployment,
        wanted: &Status,
    ) -> Result<KnownDeployment, ForgeError> {
        if record.status.as_ref() == Some(wanted) {
            return Ok(record);
        }
        self.post_status(repo, record.id, wanted).await?;
        Ok(KnownDeployment {
            id: record.id,
            status: Some(wanted.clone()),
        })
    }

    async fn post_status(
        &self,
        repo: &RepoName,
        id: u64,
        status: &Status,
    ) -> Result<(), ForgeError> {
        let mut body = json!({
            "state": status.state,
            "description": status.description,
            "auto_inactive": false,
        });
        if !status.url.is_empty() {
            body["environment_url"] = json!(status.url);
        }
        let path = format!("/repos/{repo}/deployments/{id}/statuses");
        let ask = Ask::post(path, format!("a status of deployment {id} of {repo}"), body);
        self.send(repo, &ask).await?;
        Ok(())
    }

    /// GitHub only deletes inactive deployments.
    async fn delete_deployment(&self, repo: &RepoName, id: u64) -> Result<(), ForgeError> {
        let inactive = Status {
            state: state(DeploymentState::Inactive),
            description: String::new(),
            url: String::new(),
        };
        self.post_status(repo, id, &inactive).await?;
        let path = format!("/repos/{repo}/deployments/{id}");
        let ask = Ask::delete(path, format!("deployment {id} of {repo}"));
        self.send(repo, &ask).await?;
        Ok(())
    }
}

/// Cuts the description to GitHub's limit.
pub(super) fn clip(description: &str) -> String {
    description
        .chars()
        .take(DESCRIPTION_CHARACTERS_MAX)
        .collect()
}

/// The preview and revision in the payload of one of Dayfly's records.
fn key(payload: &Value) -> Option<(String, u64)> {
    let parsed: Value;
    let payload = match payload {
        Value::String(text) => {
            parsed = serde_json::from_str(text).ok()?;
            &parsed
        }
        other => other,
    };
    let ours = &payload["dayfly"];
    Some((
        ours["preview"].as_str()?.to_owned(),
        ours["revision"].as_u64()?,
    ))
}

fn state(state: DeploymentState) -> &'static str {
    match state {
        DeploymentState::Queued => "queued",
        DeploymentState::InProgress => "in_progress",
        DeploymentState::Success => "success",
        DeploymentState::Failure => "failure",
        DeploymentState::Inactive => "inactive",
    }
}
