//! The current state of a preview, for readers other than its worker.

use deploy::names::PreviewId;

use crate::{
    lifecycle::{Observed, Outcome, RevisionFacts, current_revision},
    store::{PreviewRow, StoreError},
    worker::Ports,
};

/// The worker's last observation, with the facts as they are stored now: a row may be newer than
/// the observation. Without an observation, the engine counts as empty.
pub async fn observed(ports: &Ports, row: &PreviewRow) -> Result<Observed, StoreError> {
    let mut observed = match ports.board.get(&row.id) {
        Some(state) => state.observed.clone(),
        None => Observed::nothing(),
    };
    let revisions = ports.store.revisions(&row.id).await?;
    observed.revisions = revisions
        .into_iter()
        .map(|revision| revision.facts)
        .filter(|facts| facts.life == row.desired.life)
        .collect();
    observed.generations = ports.store.generations(&row.id).await?;
    observed.last_generation = row.last_generation;
    observed.seeding = ports.seed_progress.get(&row.id);
    observed.starting = ports.start_progress.get(&row.id);
    observed.records = row.records;
    observed.route = ports.routes.routed(&row.id);
    observed.announced = ports.routes.knows(row);
    Ok(observed)
}

/// The revision to show: the serving one, else the current one.
pub fn shown<'a>(row: &PreviewRow, observed: &'a Observed) -> Option<&'a RevisionFacts> {
    let routed = observed.route.as_ref().map(|route| route.revision);
    routed
        .and_then(|number| observed.revision(number))
        .or_else(|| current_revision(&row.desired, observed))
}

/// Whether the wanted commit has failed.
pub async fn has_failed(ports: &Ports, id: &PreviewId) -> Result<bool, StoreError> {
    let Some(row) = ports.store.preview(id).await? else {
        return Ok(false);
    };
    let observed = observed(ports, &row).await?;
    let current = current_revision(&row.desired, &observed);
    Ok(current.is_some_and(|revision| matches!(revision.outcome, Some(Outcome::Failed(_)))))
}
