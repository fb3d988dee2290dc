//! What is known of a preview right now, for whoever asks beside its worker.

use crate::{
    lifecycle::{Observed, RevisionFacts, current_revision},
    store::{PreviewRow, StoreError},
    worker::Ports,
};

/// What the worker saw last, with the facts as they are stored now: a row may be newer than the
/// last look. Without a worker nothing is in the engine, or nobody has looked yet.
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
    Ok(observed)
}

/// The revision that people mean: the one that serves, else the one that comes up, else the last.
pub fn shown<'a>(row: &PreviewRow, observed: &'a Observed) -> Option<&'a RevisionFacts> {
    let routed = observed.route.as_ref().map(|route| route.revision);
    routed
        .and_then(|number| observed.revision(number))
        .or_else(|| current_revision(&row.desired, observed))
}
