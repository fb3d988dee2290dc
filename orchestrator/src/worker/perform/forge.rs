//! Steps that call the forge.

use std::sync::Arc;

use deploy::{
    blueprint::{Database, SeedSource},
    names::{CommitSha, RevisionNumber},
};
use webhook::{
    forge::{Deployment, DeploymentState, Forge, ForgeError, PullRequest, PullRequestState},
    names::{PullRequestNumber, RepoName},
};

use super::context::{Effect, StepContext, StepError};
use crate::{
    clock::wall_ms,
    forge::report,
    lifecycle::{Answer, Head, Phase, Read},
    preview::seeds::{Seeds, seeds},
};

/// The forge, with the preview's repository and pull request.
fn subject<'a>(
    context: &'a StepContext<'_>,
) -> Result<(&'a Arc<dyn Forge>, &'a RepoName, PullRequestNumber), StepError> {
    let row = &context.state.row;
    match (&context.ports.forge, &row.repository, row.number) {
        (Some(forge), Some(repository), Some(number)) => Ok((forge, &repository.name, number)),
        _ => Err(StepError::transient(
            "no forge is configured for this pull request",
        )),
    }
}

/// Reads the pull request and stores its state.
pub(super) async fn read(
    context: &StepContext<'_>,
    refresh: u64,
    confirms: Option<RevisionNumber>,
) -> Result<Effect, StepError> {
    let (forge, repo, number) = subject(context)?;
    let (answer, repository) = match forge.pull_request(repo, number).await {
        Ok(pull) => (answer(&pull)?, Some(pull.repository)),
        Err(ForgeError::NotFound(what)) => {
            // "Not found" counts only while the repository itself can be read.
            forge.repository(repo).await.map_err(|error| {
                StepError::transient(format!(
                    "{what} was not found, and its repository cannot be read: {error}"
                ))
            })?;
            (Answer::Missing, None)
        }
        Err(error) => return Err(error.into()),
    };
    let read = Read {
        refresh,
        confirms,
        at_ms: wall_ms(),
        answer,
    };
    context
        .ports
        .store
        .apply_read(context.preview, read, repository)
        .await?;
    Ok(Effect::Done)
}

fn answer(pull: &PullRequest) -> Result<Answer, StepError> {
    Ok(match pull.state {
        PullRequestState::Merged => Answer::Merged,
        PullRequestState::Closed => Answer::Closed,
        PullRequestState::Open if pull.is_from_fork() => Answer::OpenFork,
        PullRequestState::Open => Answer::Open(Head {
            commit: CommitSha::parse(pull.head.as_str()).map_err(StepError::transient)?,
            branch: pull.head_branch.clone(),
            base: pull.base_branch.clone(),
            author: pull.author.clone(),
            title: pull.title.clone(),
        }),
    })
}

/// Updates comment, deployment and commit status to the preview's state.
pub(super) async fn report(context: &StepContext<'_>, key: &str) -> Result<Effect, StepError> {
    let (forge, repo, number) = subject(context)?;
    let summary = &context.state.summary;
    // Nothing counts as reported until all of it is: an interrupted report may leave outdated text
    // on the forge.
    let store = &context.ports.store;
    store.set_reported(context.preview, String::new()).await?;
    let events = context.ports.store.events(context.preview).await?;
    let state = context.state;
    let seeds = match summary.phase {
        Phase::Live => seeds(context.ports, &state.row, &state.observed, is_of_repository).await,
        _ => Seeds::new(),
    };
    let subject = report::Subject {
        settings: &context.ports.settings,
        row: &state.row,
        observed: &state.observed,
        summary,
    };
    let body = report::comment(&subject, &events, &seeds);
    let marker = report::marker(context.preview);
    forge.keep_comment(repo, number, &marker, &body).await?;
    if let Some(deployment) = deployment(context)? {
        context
            .ports
            .store
            .set_records(context.preview, true)
            .await?;
        forge.keep_deployment(repo, &deployment).await?;
        forge
            .set_commit_status(
                repo,
                &deployment.commit,
                deployment.state,
                &deployment.description,
                deployment.url.as_deref(),
            )
            .await?;
    }
    context
        .ports
        .store
        .set_reported(context.preview, key.to_owned())
        .await?;
    Ok(Effect::Done)
}

/// The deployment of the head's revision; none before its first revision and during its removal.
fn deployment(context: &StepContext<'_>) -> Result<Option<Deployment>, StepError> {
    let summary = &context.state.summary;
    let state = match summary.phase {
        Phase::Closing | Phase::Gone | Phase::Captured => return Ok(None),
        Phase::Queued => DeploymentState::Queued,
        Phase::Building | Phase::Starting | Phase::Updating => DeploymentState::InProgress,
        Phase::Live => DeploymentState::Success,
        Phase::Failed => DeploymentState::Failure,
    };
    let (Some(commit), Some(revision)) = (&summary.head, summary.revision) else {
        return Ok(None);
    };
    let url = report::url(&context.ports.settings, &context.state.row);
    Ok(Some(Deployment {
        preview: context.preview.to_string(),
        revision,
        commit: webhook::names::CommitSha::parse(commit.as_str()).map_err(StepError::transient)?,
        state,
        description: report::description(summary),
        url: matches!(state, DeploymentState::Success)
            .then_some(url)
            .flatten(),
    }))
}

/// Removes the deployment records.
pub(super) async fn delete_records(context: &StepContext<'_>) -> Result<Effect, StepError> {
    let (forge, repo, _) = subject(context)?;
    match forge
        .delete_deployments(repo, context.preview.as_str())
        .await
    {
        Ok(()) => {}
        // The records are gone with the repository.
        Err(ForgeError::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    context
        .ports
        .store
        .set_records(context.preview, false)
        .await?;
    Ok(Effect::Done)
}

/// Whether a comment may describe a database's content. An imported snapshot may contain personal
/// data, so comments describe only data from the repository.
fn is_of_repository(database: &Database) -> bool {
    !matches!(database.seed, Some(SeedSource::Snapshot { .. }))
}
