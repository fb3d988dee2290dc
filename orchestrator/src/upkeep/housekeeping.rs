//! The upkeep of each minute: visits, orphans, expired previews and sessions, old records, caches.

use deploy::names::PreviewId;

use super::{cache, snapshots};
use crate::{
    clock::wall_ms,
    lifecycle::{Desired, Ending, Wanted},
    logs::service,
    preview::expiry,
    store::{NewPreview, PreviewRow},
    worker::Workers,
};

/// Wakes every preview that is not gone, adopts orphans, and ends expired previews.
pub(super) async fn keep_house(workers: &Workers) {
    let ports = workers.ports();
    note_visits(workers).await;
    if let Err(error) = adopt_orphans(workers).await {
        tracing::warn!(
            error = format!("{error:#}"),
            "cannot search the engine for orphans; the next sweep retries"
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
        tracing::warn!(%error, "cannot delete old webhook deliveries; the next sweep retries");
    }
    if let Err(error) = cache::keep_budget(ports).await {
        tracing::warn!(%error, "cannot prune the builder's cache; the next sweep retries");
    }
    if let Err(error) = snapshots::collect(ports).await {
        tracing::warn!(%error, "cannot remove unused snapshots; the next sweep retries");
    }
    ports.sources.prune().await;
    let logs = ports.settings.logs.clone();
    let forgotten = tokio::task::spawn_blocking(move || service::forget_old(&logs)).await;
    if let Err(error) = forgotten {
        tracing::warn!(%error, "cannot delete old logs; the next sweep retries");
    }
}

/// Adopts objects of this instance that belong to no preview, for example after a restore from a
/// backup. Each gets a preview that is to be removed, and the preview's worker removes the objects.
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
            tracing::warn!(%preview, "the engine has objects of an unknown preview; removing them");
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

/// Ends a preview without a push or a visit for `limits.preview_days_max`.
async fn expire(workers: &Workers, row: &PreviewRow) {
    let ports = workers.ports();
    let Wanted::Serve(head) = &row.desired.wanted else {
        return;
    };
    if row.desired.origin.is_copy() {
        return end_copy(workers, row).await;
    }
    if wall_ms() < expiry::at_ms(&ports.settings, row) {
        return;
    }
    let head = head.commit.clone();
    let change = move |desired: &mut Desired| desired.expire(&head);
    if let Err(error) = ports.store.change_desired(&row.id, wall_ms(), change).await {
        tracing::warn!(%error, "cannot end an expired preview; the next sweep retries");
    }
}

/// Ends a fork, a capture or a standalone database that has expired.
async fn end_copy(workers: &Workers, row: &PreviewRow) {
    let ports = workers.ports();
    if row.expires_at_ms.is_none_or(|at| wall_ms() < at) {
        return;
    }
    let change = |desired: &mut Desired| desired.end(Ending::Expired);
    if let Err(error) = ports.store.change_desired(&row.id, wall_ms(), change).await {
        tracing::warn!(%error, "cannot end an expired copy or database; the next sweep retries");
    }
}

/// Removes expired sessions from the proxy's table.
async fn end_sessions(workers: &Workers, row: &PreviewRow) {
    let ports = workers.ports();
    if ports.settings.is_local() {
        return;
    }
    if let Err(error) = ports.routes.admit(&row.id, &ports.store).await {
        tracing::warn!(%error, "cannot remove expired sessions; they may still open a preview");
    }
}

/// Stores when each preview was last visited, from the proxy's counters.
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
            tracing::warn!(%error, "cannot store the last visit; the next sweep retries");
        }
    }
}
