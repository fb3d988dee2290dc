//! Creates or refreshes the preview of an open pull request.

use deploy::names::PreviewId;
use serde::Deserialize;
use webhook::{
    forge::{Forge, ForgeError, PullRequest, PullRequestState},
    names::{PullRequestNumber, RepoName},
};

use super::{
    caller::{Action, Caller},
    refused::{Code, Refused},
};
use crate::{clock::wall_ms, preview::current, worker::Workers};

/// The pull request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskRequest {
    /// Its repository, as `owner/name`.
    pub repository: String,
    /// Its number.
    pub number: u64,
}

/// Makes the preview read its pull request again. A removed preview comes back, and a failed commit
/// is retried. A preview that is starting or live goes on undisturbed.
pub async fn ask(
    caller: Caller,
    workers: &Workers,
    request: AskRequest,
) -> Result<PreviewId, Refused> {
    caller.check(Action::Ask)?;
    let ports = workers.ports();
    let repo = RepoName::parse(&request.repository)
        .map_err(|error| Refused::invalid(error.to_string()))?;
    let number = PullRequestNumber(request.number);
    let forge = ports.forge.as_ref().ok_or_else(|| {
        Refused::conflict("this server does not use GitHub; set [github] in its configuration")
    })?;
    let pull = read(forge.as_ref(), &repo, number).await?;
    check_gets_preview(&repo, &pull)?;
    let now_ms = wall_ms();
    let id = ports
        .store
        .refresh_pull(pull.repository, number, now_ms)
        .await?;
    let failed = current::has_failed(ports, &id).await?;
    ports
        .store
        .change_desired(&id, now_ms, move |desired| desired.ask_again(failed))
        .await?;
    workers.wake(&id);
    Ok(id)
}

/// Reads the pull request only to report errors early; the worker reads it again.
async fn read(
    forge: &dyn Forge,
    repo: &RepoName,
    number: PullRequestNumber,
) -> Result<PullRequest, Refused> {
    match forge.pull_request(repo, number).await {
        Ok(pull) => Ok(pull),
        Err(ForgeError::NotFound(_)) => Err(match forge.repository(repo).await {
            Ok(_) => Refused::not_found(format!("{repo} has no pull request {number}")),
            Err(ForgeError::NotFound(_)) => Refused::not_found(format!(
                "GitHub has no repository {repo}, or this server has no access to it"
            )),
            Err(error) => unreadable(&error),
        }),
        Err(error) => Err(unreadable(&error)),
    }
}

fn unreadable(error: &ForgeError) -> Refused {
    let code = match error {
        ForgeError::RateLimited { .. } => Code::Unavailable,
        _ => Code::OutsideFailed,
    };
    Refused::new(code, error.to_string())
}

/// Fails if the pull request gets no preview.
fn check_gets_preview(repo: &RepoName, pull: &PullRequest) -> Result<(), Refused> {
    let name = format!("{repo}{}", pull.number);
    match pull.state {
        PullRequestState::Open if pull.is_from_fork() => Err(Refused::conflict(format!(
            "{name} comes from a fork, and Dayfly does not support previews of forks yet"
        ))),
        PullRequestState::Open => Ok(()),
        PullRequestState::Closed => Err(Refused::conflict(format!(
            "{name} is closed; reopen it to get a preview"
        ))),
        PullRequestState::Merged => Err(Refused::conflict(format!(
            "{name} is merged; only open pull requests have previews"
        ))),
    }
}
