//! Finds out what is: facts from the store, objects from the engine, routes, and what the worker
//! itself has seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
};

use deploy::{engine::Observation, names::PreviewId};

use super::{memory::Memory, ports::Ports, snapshot::Snapshot};
use crate::{
    lifecycle::{Admission, Attempt, Observed, RevisionFacts, ServiceView, Wanted, summary},
    store::StoreError,
};

/// Why nothing can be decided now.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Engine(#[from] deploy::engine::EngineError),
}

/// Looks at one preview. None when nobody ever asked for it.
pub(super) async fn observe(
    ports: &Ports,
    preview: &PreviewId,
    memory: &mut Memory,
) -> Result<Option<Snapshot>, LookError> {
    let Some(row) = ports.store.preview(preview).await? else {
        return Ok(None);
    };
    let revisions = ports.store.revisions(preview).await?;
    let databases = ports.store.databases(preview).await?;
    if memory.engine.is_none() {
        let seen = ports.engine.observe(Some(preview)).await?;
        if !seen.is_empty() {
            memory.empty_looks = 0;
        }
        memory.engine = Some(seen);
    }
    let mut observed = Observed::nothing();
    if let Some(seen) = &memory.engine {
        from_engine(&mut observed, seen);
    }
    observed.last_number = revisions
        .last()
        .map_or(0, |revision| revision.facts.number.0);
    observed.revisions = revisions
        .into_iter()
        .map(|revision| revision.facts)
        .filter(|facts| facts.life == row.desired.life)
        .collect();
    observed.born = databases
        .into_iter()
        .filter(|database| database.born)
        .map(|d| d.name)
        .collect();
    observed.route = ports.routes.routed(preview);
    observed.ready = memory.ready.clone();
    observed.drained = memory.drained.clone();
    observed.in_doubt = memory.in_doubt.clone();
    observed.admission = match row.desired.wanted {
        Wanted::Serve(_) if !row.desired.clearing => ports.admission.ask(preview),
        _ => Admission::Granted,
    };
    observed.build_wait = ports.builds.wait(preview);
    observed.disk_is_full = ports.disk_is_full.load(Ordering::Relaxed);
    observed.reported = row.reported.clone();
    observed.records = row.records;
    observed.empty_looks = memory.empty_looks;
    // A build that was begun and neither ended nor gave an image was cut off by our death.
    let cut_off = |facts: &RevisionFacts| {
        facts.attempts.keys().any(
            |attempt| matches!(attempt, Attempt::Build(name) if !facts.images.contains_key(name)),
        )
    };
    observed.build_cut_off = memory.build_cut_off || observed.revisions.iter().any(cut_off);
    observed.setbacks = memory.setbacks.clone();
    let summary = summary(&row.desired, &observed);
    Ok(Some(Snapshot {
        row,
        observed,
        summary,
    }))
}

fn from_engine(observed: &mut Observed, seen: &Observation) {
    observed.rooms = seen.rooms.iter().map(|(_, room)| room.clone()).collect();
    observed.services = seen
        .services
        .iter()
        .map(|state| {
            let key = (state.key.revision, state.key.service.clone());
            let activity = state.activity.clone();
            (
                key,
                ServiceView {
                    activity,
                    address: state.address,
                },
            )
        })
        .collect::<BTreeMap<_, _>>();
    observed.databases = seen
        .databases
        .iter()
        .map(|state| (state.name.clone(), state.activity.clone()))
        .collect();
    observed.images = seen
        .images
        .iter()
        .map(|image| (image.image.clone(), image.revision))
        .collect();
    observed.strays = seen.strays.iter().cloned().collect::<BTreeSet<_>>();
}
