//! Observes a preview: facts from the store, objects of the engine, routes, and the worker's
//! memory.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use deploy::names::{PreviewId, RevisionNumber};

use super::{memory::Memory, ports::Ports, preview_state::PreviewState};
use crate::{
    clock::wall_ms,
    forge::report,
    lifecycle::{Observed, summary},
    store::StoreError,
};

/// Why a preview cannot be observed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ObserveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Engine(#[from] deploy::engine::EngineError),
}

/// Observes one preview; none where the store has no record of it.
pub(super) async fn observe(
    ports: &Ports,
    preview: &PreviewId,
    memory: &mut Memory,
) -> Result<Option<PreviewState>, ObserveError> {
    let Some(row) = ports.store.preview(preview).await? else {
        return Ok(None);
    };
    let revisions = ports.store.revisions(preview).await?;
    let generations = ports.store.generations(preview).await?;
    if memory.engine.is_none() {
        let seen = ports.engine.observe(Some(preview)).await?;
        if !seen.is_empty() {
            memory.empty_checks = 0;
        }
        memory.engine = Some(seen);
    }
    let mut observed = Observed::nothing();
    if let Some(seen) = &memory.engine {
        observed.see(seen);
    }
    let served_at: BTreeMap<_, _> = revisions
        .iter()
        .filter_map(|revision| Some((revision.facts.number, revision.served_at_ms?)))
        .collect();
    observed.last_number = revisions
        .last()
        .map_or(0, |revision| revision.facts.number.0);
    observed.revisions = revisions
        .into_iter()
        .map(|revision| revision.facts)
        .filter(|facts| facts.life == row.desired.life)
        .collect();
    observed.route = ports.routes.routed(preview);
    observed.generations = generations;
    observed.last_generation = row.last_generation;
    observed.undo_is_over = undo_is_over(ports, &observed, &served_at);
    observed.ready = memory.ready.clone();
    observed.drained = memory.drained.clone();
    observed.in_doubt = memory.in_doubt.clone();
    observed.announced = ports.routes.knows(&row);
    observed.admission = ports.admission.state(preview);
    observed.build_wait = ports.builds.wait(preview);
    observed.seeding = ports.seed_progress.get(preview);
    observed.starting = ports.start_progress.get(preview);
    observed.disk_is_full = ports.disk_is_full.load(Ordering::Relaxed);
    observed.reported = row.reported.clone();
    observed.records = row.records;
    observed.empty_checks = memory.empty_checks;
    observed.backoffs = memory.backoffs.clone();
    observed.late = memory.late.clone();
    let summary = summary(&row.desired, &observed);
    if row.desired.origin.asks_forge() {
        observed.report = Some(report::key(report::Subject {
            settings: &ports.settings,
            row: &row,
            observed: &observed,
            summary: &summary,
        }));
    }
    Ok(Some(PreviewState {
        row,
        observed,
        summary,
    }))
}

/// Whether the undo window has expired.
fn undo_is_over(
    ports: &Ports,
    observed: &Observed,
    served_at: &BTreeMap<RevisionNumber, u64>,
) -> bool {
    let kept_ms = ports
        .settings
        .limits
        .undo_hours_max
        .saturating_mul(3_600_000);
    let since = observed
        .serving()
        .and_then(|serving| served_at.get(&serving.number));
    since.is_some_and(|since| wall_ms() > since.saturating_add(kept_ms))
}
