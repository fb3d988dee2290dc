//! Reads the forge's lists of open pull requests, so that a lost webhook comes right by itself.
//!
//! It only requests refreshes and wakes workers; what is done about a preview is decided by its
//! worker, from what its own pull request says. A listing never removes anything.

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

/// How many previews that a listing does not name are refreshed in one round. Each is asked for by
/// number, so a listing that is wrong costs requests and nothing else.
const UNLISTED_REFRESHES_MAX: usize = 50;

/// Goes through every repository's open pull requests. `false` where the forge did not answer, so that
/// asking again soon may help.
pub(super) async fn ask_forge(workers: &Workers) -> bool {
    let Some(forge) = workers.ports().forge.clone() else {
        return true;
    };
    let mut answered = true;
    let mut repositories = match forge.repositories().await {
        Ok(repositories) => repositories,
        Err(error) => {
            tracing::warn!(%error, "GitHub did not say which repositories there are; no new pull requests are found until it does");
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
            tracing::warn!(repository = %repository.name, %error, "not polled; nothing is changed");
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
    // What began before the operator took the repository out of the list is looked after to its end.
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
            Err(error) => tracing::error!(%error, "a pull request could not be noted"),
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

/// Whether the listing says something that the preview does not know.
fn is_news(row: &PreviewRow, pull: &PullRequest) -> bool {
    match &row.desired.wanted {
        Wanted::Serve(head) => head.commit.as_str() != pull.head.as_str(),
        Wanted::Nothing(Ending::Fork) => !pull.is_from_fork(),
        Wanted::Nothing(_) => row.desired.hold.is_none(),
        Wanted::Unread => true,
    }
}
