//! Looks at everything from time to time, so that what was missed comes right by itself.
//!
//! A sweep only *raises looks* and *wakes* workers; what is done about a preview is decided by its
//! worker, from what its own pull request says. A listing never removes anything.

use std::{collections::BTreeMap, time::Duration};

use deploy::names::PreviewId;
use futures_util::StreamExt as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use webhook::{
    forge::{Forge, PullRequest, Repository},
    names::PullRequestNumber,
};

use crate::{
    cache,
    lifecycle::{Desired, Ending, Hold, Origin, Wanted},
    servicelog, snapshots,
    store::{NewPreview, PreviewRow},
    worker::{Workers, wall_ms},
};

/// How often the engine and the store are looked at, whatever the forge's interval is.
const HOUSE_PAUSE: Duration = Duration::from_secs(60);
/// How many previews that a listing does not name are looked at in one sweep. Each is asked for by
/// number, so a listing that is wrong costs requests and nothing else.
const UNLISTED_LOOKS_MAX: usize = 50;
/// How long to wait before listening to the engine again after its stream ended.
const HINTS_PAUSE: Duration = Duration::from_secs(1);

/// Sweeps until we stop. `poll_seconds` is how often the forge is asked; none never asks.
pub async fn run(workers: Workers, poll_seconds: Option<u64>, stop: CancellationToken) {
    let pause = poll_seconds.map(Duration::from_secs);
    let mut forge_at = pause.map(|_| Instant::now());
    loop {
        if let (Some(at), Some(pause)) = (forge_at, pause)
            && Instant::now() >= at
        {
            ask_forge(&workers).await;
            forge_at = Some(Instant::now() + pause);
        }
        keep_house(&workers).await;
        let house_at = Instant::now() + HOUSE_PAUSE;
        let next = forge_at.map_or(house_at, |at| at.min(house_at));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep_until(next) => {}
        }
    }
}

/// Wakes whoever the engine names, until we stop.
pub async fn listen(workers: Workers, stop: CancellationToken) {
    loop {
        let hear = async {
            let Ok(mut hints) = workers.ports().engine.hints().await else {
                return;
            };
            // What happened while nobody listened is seen by looking.
            workers.wake_all();
            while let Some(hint) = hints.next().await {
                match hint {
                    Some(preview) => wake_known(&workers, &preview).await,
                    None => workers.wake_all(),
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = hear => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(HINTS_PAUSE) => {}
        }
    }
}

async fn wake_known(workers: &Workers, preview: &PreviewId) {
    if let Ok(Some(_)) = workers.ports().store.preview(preview).await {
        workers.wake(preview);
    }
}

/// Goes through every repository's open pull requests.
async fn ask_forge(workers: &Workers) {
    let Some(forge) = workers.ports().forge.clone() else {
        return;
    };
    let mut repositories = match forge.repositories().await {
        Ok(repositories) => repositories,
        Err(error) => {
            tracing::warn!(%error, "the forge did not list its repositories; nothing is changed");
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
        sweep_repository(workers, &*forge, &repository).await;
    }
}

async fn sweep_repository(workers: &Workers, forge: &dyn Forge, repository: &Repository) {
    let store = &workers.ports().store;
    let open = match forge.open_pull_requests(&repository.name).await {
        Ok(open) => open,
        Err(error) => {
            tracing::warn!(repository = %repository.name, %error, "not swept; nothing is changed");
            return;
        }
    };
    let Ok(rows) = store.previews().await else {
        return;
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
    for pull in open
        .iter()
        .filter(|pull| is_news(rows.get(&pull.number), pull))
    {
        let looked = store
            .look_at_pull(pull.repository.clone(), pull.number, wall_ms())
            .await;
        match looked {
            Ok(preview) => workers.wake(&preview),
            Err(error) => tracing::error!(%error, "a pull request could not be noted"),
        }
    }
    let unlisted = rows.values().filter(|row| {
        !matches!(row.desired.wanted, Wanted::Nothing(_))
            && !open.iter().any(|pull| Some(pull.number) == row.number)
    });
    for row in unlisted.take(UNLISTED_LOOKS_MAX) {
        if store.request_refresh(&row.id, wall_ms()).await.is_ok() {
            workers.wake(&row.id);
        }
    }
}

/// Whether the listing says something that the preview does not know.
fn is_news(row: Option<&PreviewRow>, pull: &PullRequest) -> bool {
    match row.map(|row| &row.desired) {
        None => true,
        Some(desired) => match &desired.wanted {
            Wanted::Serve(head) => head.commit.as_str() != pull.head.as_str(),
            Wanted::Nothing(Ending::Fork) => !pull.is_from_fork(),
            Wanted::Nothing(_) => desired.hold.is_none(),
            Wanted::Unread => true,
        },
    }
}

/// Wakes every preview that is not gone, finds what has no preview, and ends what expired.
async fn keep_house(workers: &Workers) {
    let ports = workers.ports();
    note_visits(workers).await;
    if let Err(error) = adopt_orphans(workers).await {
        tracing::warn!(
            error = format!("{error:#}"),
            "the engine was not searched for orphans"
        );
    }
    let Ok(rows) = ports.store.previews().await else {
        return;
    };
    for row in rows {
        expire(workers, &row).await;
        end_sessions(workers, &row).await;
        let waits = row.desired.refresh_requested > row.desired.refresh_applied;
        if row.gone_at_ms.is_none() || row.desired.clearing || waits {
            workers.wake(&row.id);
        }
    }
    if let Err(error) = ports.store.forget_old_deliveries(wall_ms()).await {
        tracing::warn!(%error, "old deliveries were not forgotten");
    }
    if let Err(error) = cache::keep_budget(ports).await {
        tracing::warn!(%error, "the builder's cache was not looked after");
    }
    if let Err(error) = snapshots::collect(ports).await {
        tracing::warn!(%error, "snapshots were not looked after");
    }
    let logs = ports.settings.logs.clone();
    let forgotten = tokio::task::spawn_blocking(move || servicelog::forget_old(&logs)).await;
    if let Err(error) = forgotten {
        tracing::warn!(%error, "old logs were not forgotten");
    }
}

/// Something of ours in the engine that no preview knows (the store came from a backup, say)
/// becomes a preview of which nothing is wanted; its worker takes it away.
async fn adopt_orphans(workers: &Workers) -> anyhow::Result<()> {
    let ports = workers.ports();
    let seen = ports.engine.observe(None).await?;
    let networks = seen.networks.iter().map(|(preview, _)| preview);
    let services = seen.services.iter().map(|state| &state.key.preview);
    let databases = seen.databases.iter().map(|state| &state.key.preview);
    let images = seen.images.iter().map(|image| &image.preview);
    let strays = seen.strays.iter().map(|stray| &stray.preview);
    let data = seen.data.iter().map(|key| &key.preview);
    let found: std::collections::BTreeSet<_> = networks
        .chain(services)
        .chain(databases)
        .chain(images)
        .chain(strays)
        .chain(data)
        .cloned()
        .collect();
    for preview in found {
        if ports.store.preview(&preview).await?.is_none() {
            tracing::warn!(%preview, "found in the engine without a record; it is taken away");
            let new = NewPreview {
                id: preview.clone(),
                slug: preview.to_string(),
            };
            ports.store.ensure_local(new, wall_ms()).await?;
            let change = |desired: &mut Desired| desired.end(Ending::Removed);
            ports
                .store
                .change_desired(&preview, wall_ms(), change)
                .await?;
        }
        workers.wake(&preview);
    }
    Ok(())
}

/// Ends a preview that nobody pushed to or visited for too long.
async fn expire(workers: &Workers, row: &PreviewRow) {
    let ports = workers.ports();
    let Wanted::Serve(head) = &row.desired.wanted else {
        return;
    };
    let days_ms = ports
        .settings
        .limits
        .preview_days_max
        .saturating_mul(24 * 3600 * 1000);
    if row.desired.origin.is_copy() {
        return end_taken(workers, row).await;
    }
    let last = row.pushed_at_ms.max(row.visited_at_ms.unwrap_or(0));
    if wall_ms() < last.saturating_add(days_ms) {
        return;
    }
    let commit = (row.desired.origin == Origin::PullRequest).then(|| head.commit.clone());
    let change = move |desired: &mut Desired| {
        desired.end(Ending::Expired);
        desired.hold = Some(Hold {
            ending: Ending::Expired,
            commit,
        });
    };
    if let Err(error) = ports.store.change_desired(&row.id, wall_ms(), change).await {
        tracing::warn!(%error, "an expired preview was not ended");
    }
}

/// Ends a fork, a capture or a database alone whose time is over.
async fn end_taken(workers: &Workers, row: &PreviewRow) {
    let ports = workers.ports();
    if row.expires_at_ms.is_none_or(|at| wall_ms() < at) {
        return;
    }
    let change = |desired: &mut Desired| desired.end(Ending::Expired);
    if let Err(error) = ports.store.change_desired(&row.id, wall_ms(), change).await {
        tracing::warn!(%error, "what has expired was not ended");
    }
}

/// Takes sessions that expired out of the table.
async fn end_sessions(workers: &Workers, row: &PreviewRow) {
    let ports = workers.ports();
    if ports.settings.is_local() {
        return;
    }
    let Ok(sessions) = ports.store.sessions(&row.id, wall_ms()).await else {
        return;
    };
    if let Err(error) = ports.routes.admit(&row.id, sessions).await {
        tracing::warn!(%error, "sessions that ended may still open a preview");
    }
}

/// Writes down who was visited, from what the proxy counts.
async fn note_visits(workers: &Workers) {
    let ports = workers.ports();
    let Ok(activity) = ports.routes.activity().await else {
        return;
    };
    for (key, counted) in activity {
        let preview = key
            .split('/')
            .next()
            .and_then(|id| PreviewId::parse(id).ok());
        if let (Some(preview), Some(at)) = (preview, counted.last_request_unix_ms)
            && let Err(error) = ports.store.note_visit(&preview, at).await
        {
            tracing::warn!(%error, "a visit was not noted");
        }
    }
}
