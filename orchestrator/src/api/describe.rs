//! Builds the API's view of a preview from its stored and observed state.

use std::collections::BTreeMap;

use axum::{Json, http::StatusCode};
use deploy::{
    blueprint::{Blueprint, Service},
    engine::{ContainerState, ServiceKey},
    names::{DatabaseName, PreviewId},
};
use jiff::Timestamp;

use super::{
    problem::Problem,
    view::{DatabaseView, PreviewView, ServiceView},
};
use crate::{
    actions::find,
    diagnosis::SNAPSHOT_MISSING,
    forge::report,
    lifecycle::{
        DatabaseStatus, Diagnosis, Observed, Origin, Outcome, Phase, RevisionFacts, Wanted,
        current_revision, summary,
    },
    preview::{
        current::{observed, shown},
        environment, expiry, history, named_snapshots,
    },
    store::{PreviewRow, StoreError},
    worker::Ports,
};

/// Milliseconds since 1970 as a timestamp.
pub(super) fn timestamp(ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

/// The current view of a preview that exists.
pub(super) async fn describe_again(ports: &Ports, id: &PreviewId) -> Result<PreviewView, Problem> {
    Ok(describe(ports, find::again(ports, id).await?).await?)
}

/// The answer to an accepted request that changes the preview.
pub(super) async fn accepted(
    ports: &Ports,
    id: &PreviewId,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    let view = describe_again(ports, id).await?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}

/// The API's view of a preview.
pub(super) async fn describe(ports: &Ports, row: PreviewRow) -> Result<PreviewView, StoreError> {
    let observed = observed(ports, &row).await?;
    describe_observed(ports, row, &observed).await
}

async fn describe_observed(
    ports: &Ports,
    row: PreviewRow,
    observed: &Observed,
) -> Result<PreviewView, StoreError> {
    let summary = summary(&row.desired, observed);
    let head = match &row.desired.wanted {
        Wanted::Serve(head) => Some(head),
        _ => None,
    };
    let over = matches!(summary.phase, Phase::Closing | Phase::Gone);
    let known = |text: &String| (!text.is_empty()).then(|| text.clone());
    let diagnosis = match summary.diagnosis {
        Some(diagnosis) => Some(with_nearest(ports, &row, observed, diagnosis).await?),
        None => None,
    };
    Ok(PreviewView {
        id: row.id.clone(),
        repository: row.repository.as_ref().map(|known| known.name.to_string()),
        number: row.number.map(|number| number.0),
        title: head.and_then(|head| known(&head.title)),
        author: head.and_then(|head| known(&head.author)),
        branch: head.and_then(|head| known(&head.branch)),
        url: if over {
            None
        } else {
            report::url(&ports.settings, &row)
        },
        services: services(ports, &row, observed),
        databases: databases(&row, observed),
        missing: current_revision(&row.desired, observed)
            .and_then(|revision| revision.blueprint.as_ref())
            .map_or_else(Vec::new, |blueprint| blueprint.missing.clone()),
        created_at: timestamp(row.created_at_ms),
        updated_at: timestamp(row.updated_at_ms),
        parent: row
            .desired
            .parent
            .as_ref()
            .map(|parent| parent.preview.clone()),
        note: row.note.clone(),
        path: row.path.clone(),
        can_undo: observed.before().is_some(),
        link_expires_at: row.link_expires_at_ms.map(timestamp),
        expires_at: (!over).then(|| timestamp(expiry::at_ms(&ports.settings, &row))),
        commit: summary.head,
        serving_commit: summary.serving,
        phase: summary.phase.into(),
        waiting_for: summary.waiting_for,
        under_way: under_way(ports, &row.id),
        diagnosis,
        ending: summary.ending.map(Into::into),
    })
}

/// The same, with how often each service failed. Only the engine knows that, one service at a time.
pub(super) async fn describe_whole(
    ports: &Ports,
    row: PreviewRow,
) -> Result<PreviewView, StoreError> {
    let observed = observed(ports, &row).await?;
    let revision = shown(&row, &observed).map(|revision| revision.number);
    let mut view = describe_observed(ports, row, &observed).await?;
    let Some(revision) = revision else {
        return Ok(view);
    };
    for service in &mut view.services {
        let key = ServiceKey {
            preview: view.id.clone(),
            revision,
            service: service.name.clone(),
        };
        // The rest of the view does not need the engine.
        let Ok(Some(run)) = ports.engine.service_run(&key).await else {
            continue;
        };
        service.failures = run.ends;
        let failed_at = run.ended.filter(|_| run.ends > 0);
        service.failed_at = failed_at.and_then(|at| Timestamp::try_from(at).ok());
    }
    Ok(view)
}

fn under_way(ports: &Ports, id: &PreviewId) -> Vec<String> {
    let steps = ports.board.under_way(id);
    let words = steps.iter().filter_map(|step| history::words(&step.title));
    words.collect()
}

/// Suggests the most similar snapshot name, which pages and comments do not reveal.
async fn with_nearest(
    ports: &Ports,
    row: &PreviewRow,
    observed: &Observed,
    mut diagnosis: Diagnosis,
) -> Result<Diagnosis, StoreError> {
    let current = current_revision(&row.desired, observed);
    let blueprint = current.and_then(|revision| revision.blueprint.as_ref());
    let Some(blueprint) = blueprint.filter(|_| diagnosis.code == SNAPSHOT_MISSING) else {
        return Ok(diagnosis);
    };
    let origin = row.desired.origin;
    let unusable = named_snapshots::first_unusable(&ports.store, origin, blueprint).await?;
    if let Some(unusable) = unusable
        && let Some(name) = unusable.nearest(&ports.store).await?
    {
        diagnosis.action = format!("Did you mean {name}? {}", diagnosis.action);
    }
    Ok(diagnosis)
}

fn services(ports: &Ports, row: &PreviewRow, observed: &Observed) -> Vec<ServiceView> {
    let Some(revision) = shown(row, observed) else {
        return Vec::new();
    };
    // A capture never runs.
    let kept = row.desired.origin == Origin::Capture;
    let kept = kept.then(|| summary(&row.desired, observed).phase);
    let of = |service: &Service| ServiceView {
        name: service.name.clone(),
        url: service_url(ports, row, service),
        phase: kept
            .unwrap_or_else(|| service_phase(observed, revision, service))
            .into(),
        image: revision.images.get(&service.name).map(ToString::to_string),
        unchanged_since: observed
            .unchanged_since(revision, &service.name)
            .map(|commit| commit.short().to_string()),
        failures: 0,
        failed_at: None,
    };
    let blueprint = revision.blueprint.iter();
    blueprint
        .flat_map(|blueprint: &Blueprint| &blueprint.services)
        .map(of)
        .collect()
}

fn service_url(ports: &Ports, row: &PreviewRow, service: &Service) -> Option<String> {
    if !service.public {
        return None;
    }
    let url = if service.main {
        report::url(&ports.settings, row)?
    } else {
        let host = environment::service_host(ports, row, service)?;
        let url = ports.settings.url(host.as_str());
        match ports.settings.is_local() {
            true => url,
            false => report::link(&ports.settings, row, &url),
        }
    };
    Some(url)
}

fn service_phase(observed: &Observed, revision: &RevisionFacts, service: &Service) -> Phase {
    let serves = observed.route.as_ref().map(|route| route.revision) == Some(revision.number);
    let key = (revision.number, service.name.clone());
    let state = observed.services.get(&key).map(|view| &view.state);
    match state {
        Some(ContainerState::Running) if serves => Phase::Live,
        _ if revision.outcome.is_some() => Phase::Failed,
        Some(ContainerState::Exited { .. }) if !revision.healthy => Phase::Failed,
        Some(_) => Phase::Starting,
        None if revision.images.contains_key(&service.name) => Phase::Starting,
        None => Phase::Building,
    }
}

/// The databases of the shown revision and of the current one, which may add some.
fn databases(row: &PreviewRow, observed: &Observed) -> Vec<DatabaseView> {
    let mut engines = BTreeMap::new();
    let revisions = [
        shown(row, observed),
        current_revision(&row.desired, observed),
    ];
    for revision in revisions.into_iter().flatten() {
        for database in revision.databases() {
            engines.insert(database.name.clone(), database.image.clone());
        }
    }
    let seen = shown(row, observed);
    let shown = seen.and_then(|revision| revision.generation);
    let coming = current_revision(&row.desired, observed).and_then(|revision| revision.generation);
    // The serving revision keeps its databases even if a newer commit failed.
    let has_failed =
        seen.is_some_and(|revision| matches!(revision.outcome, Some(Outcome::Failed(_))));
    let phase = |name: &DatabaseName| {
        let generation = shown.or(coming)?;
        Some(match observed.database(generation, name) {
            DatabaseStatus::Answering => Phase::Live,
            DatabaseStatus::Stopped if row.desired.origin == Origin::Capture => Phase::Captured,
            _ if has_failed => Phase::Failed,
            DatabaseStatus::Absent => Phase::Queued,
            _ => Phase::Starting,
        })
    };
    engines
        .into_iter()
        .map(|(name, engine)| DatabaseView {
            phase: phase(&name)
                .unwrap_or(match has_failed {
                    true => Phase::Failed,
                    false => Phase::Queued,
                })
                .into(),
            seed_changed: seen.is_some_and(|revision| observed.seed_changed(revision, &name)),
            started_again: seen.is_some_and(|revision| observed.started_again(revision, &name)),
            name,
            engine,
        })
        .collect()
}
