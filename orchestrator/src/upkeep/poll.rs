//! Polls the forge's lists of open pull requests, so that a lost webhook only causes a delay.
//!
//! Polling only requests refreshes and wakes workers. Each worker then reads its own pull request
//! and decides. A listing never removes a preview.

use std::collections::BTreeMap;

use webhook::{
    forge::{Forge, ForgeError, PullRequest, Repository},
    names::PullRequestNumber,
};

use crate::{
    clock::wall_ms,
    lifecycle::{Ending, Wanted},
    store::PreviewRow,
    worker::Workers,
};

/// How many previews that are missing in a listing are refreshed in one round. Each pull request is
/// read by its number, so a wrong listing only costs requests.
const UNLISTED_REFRESHES_MAX: usize = 50;

/// Polls the open pull requests of every repository. Returns `false` where the forge did not
/// answer, so that an early retry may help.
pub(super) async fn ask_forge(workers: &Workers) -> bool {
    let Some(forge) = workers.ports().forge.clone() else {
        return true;
    };
    let mut answered = true;
    let mut repositories = match forge.repositories().await {
        Ok(repositories) => repositories,
        Err(error) => {
            tracing::warn!(
                %error,
                "cannot list repositories on GitHub; only known ones are polled until this works"
            );
            answered = !is_away(&error);
            Vec::new()
        }
    };
    let known = workers
        .ports()
        .store
        .repositories()
        .await
        .unwrap_or_default();
    for row in known {
        if !repositories
            .iter()
            .any(|repository| repository.id == row.id)
        {
            repositories.push(Repository {
                id: row.id,
                name: row.name,
            });
        }
    }
    for repository in repositories {
        answered &= poll_repository(workers, &*forge, &repository).await;
    }
    answered
}

fn is_away(error: &ForgeError) -> bool {
    matches!(error, ForgeError::Unavailable(_))
}

/// `false` where the forge did not answer.
async fn poll_repository(workers: &Workers, forge: &dyn Forge, repository: &Repository) -> bool {
    let store = &workers.ports().store;
    let open = match forge.open_pull_requests(&repository.name).await {
        Ok(open) => open,
        Err(error) => {
            tracing::warn!(
                repository = %repository.name,
                %error,
                "cannot list open pull requests; the previews stay unchanged"
            );
            return !is_away(&error);
        }
    };
    let Ok(rows) = store.previews().await else {
        return true;
    };
    let rows: BTreeMap<PullRequestNumber, PreviewRow> = rows
        .into_iter()
        .filter(|row| {
            row.repository
                .as_ref()
                .is_some_and(|r| r.id == repository.id)
        })
        .filter_map(|row| Some((row.number?, row)))
        .collect();
    // Existing previews are kept up to date after the operator removes the repository from the
    // list.
    let follows = workers.ports().settings.follows(&repository.name);
    let news = |pull: &&PullRequest| match rows.get(&pull.number) {
        None => follows,
        Some(row) => is_news(row, pull),
    };
    for pull in open.iter().filter(news) {
        let refreshed = store
            .refresh_pull(pull.repository.clone(), pull.number, wall_ms())
            .await;
        match refreshed {
            Ok(preview) => workers.wake(&preview),
            Err(error) => {
                tracing::error!(%error, "cannot store a pull request; the next poll retries")
            }
        }
    }
    let unlisted = rows.values().filter(|row| {
        !matches!(row.desired.wanted, Wanted::Nothing(_))
            && !open.iter().any(|pull| Some(pull.number) == row.number)
    });
    for row in unlisted.take(UNLISTED_REFRESHES_MAX) {
        if store.request_refresh(&row.id, wall_ms()).await.is_ok() {
            workers.wake(&row.id);
        }
    }
    true
}

/// Whether the listing differs from the state of the preview.
fn is_news(row: &PreviewRow, pull: &PullRequest) -> bool {
    match &row.desired.wanted {
        Wanted::Serve(head) => head.commit.as_str() != pull.head.as_str(),
        Wanted::Nothing(Ending::Fork) => !pull.is_from_fork(),
        Wanted::Nothing(_) => row.desired.hold.is_none(),
        Wanted::Unread => true,
    }
}
