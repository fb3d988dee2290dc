//! `POST /api/v1/previews`: creates or refreshes the preview of an open pull request.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use webhook::{
    forge::{Forge, ForgeError, PullRequest, PullRequestState},
    names::{PullRequestNumber, RepoName},
};

use super::{
    describe::{self, describe_again},
    extract::Said,
    problem::Problem,
    state::ApiState,
    view::PreviewView,
};
use crate::clock::wall_ms;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    repository: String,
    number: u64,
}

/// Makes the preview read its pull request again. A removed preview comes back, and a failed commit
/// is retried. A preview that is starting or live goes on undisturbed.
pub(super) async fn ask(
    State(state): State<ApiState>,
    Said(body): Said<Body>,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    let ports = state.workers.ports();
    let repo = RepoName::parse(&body.repository)
        .map_err(|error| Problem::bad_request(error.to_string()))?;
    let number = PullRequestNumber(body.number);
    let forge = ports.forge.as_ref().ok_or_else(|| {
        Problem::conflict("this server does not use GitHub; set [github] in its configuration")
    })?;
    let pull = read(forge.as_ref(), &repo, number).await?;
    refuse_what_gets_no_preview(&repo, &pull)?;
    let now_ms = wall_ms();
    let id = ports
        .store
        .refresh_pull(pull.repository, number, now_ms)
        .await?;
    let failed = describe::has_failed(ports, &id).await?;
    ports
        .store
        .change_desired(&id, now_ms, move |desired| desired.ask_again(failed))
        .await?;
    state.workers.wake(&id);
    let view = describe_again(ports, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}

/// Reads the pull request only to report errors early; the worker reads it again.
async fn read(
    forge: &dyn Forge,
    repo: &RepoName,
    number: PullRequestNumber,
) -> Result<PullRequest, Problem> {
    match forge.pull_request(repo, number).await {
        Ok(pull) => Ok(pull),
        Err(ForgeError::NotFound(_)) => Err(match forge.repository(repo).await {
            Ok(_) => Problem::not_found(format!("{repo} has no pull request {number}")),
            Err(ForgeError::NotFound(_)) => Problem::not_found(format!(
                "GitHub has no repository {repo}, or this server has no access to it"
            )),
            Err(error) => unreadable(&error),
        }),
        Err(error) => Err(unreadable(&error)),
    }
}

fn unreadable(error: &ForgeError) -> Problem {
    let status = match error {
        ForgeError::RateLimited { .. } => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_GATEWAY,
    };
    Problem::new(status, error.to_string())
}

fn refuse_what_gets_no_preview(repo: &RepoName, pull: &PullRequest) -> Result<(), Problem> {
    let name = format!("{repo}{}", pull.number);
    match pull.state {
        PullRequestState::Open if pull.is_from_fork() => Err(Problem::conflict(format!(
            "{name} comes from a fork, and Dayfly does not support previews of forks yet"
        ))),
        PullRequestState::Open => Ok(()),
        PullRequestState::Closed => Err(Problem::conflict(format!(
            "{name} is closed; reopen it to get a preview"
        ))),
        PullRequestState::Merged => Err(Problem::conflict(format!(
            "{name} is merged; only open pull requests have previews"
        ))),
    }
}
