//! From what is stored and seen of a preview to what the API says of it.

use std::collections::BTreeMap;

use deploy::{
    blueprint::{Blueprint, Service},
    engine::Activity,
    names::{DatabaseName, PreviewId},
};
use jiff::Timestamp;

use super::{
    problem::Problem,
    view::{DatabaseView, PreviewView, ServiceView},
};
use crate::{
    environment,
    lifecycle::{Observed, Outcome, Phase, RevisionFacts, Wanted, current_revision, summary},
    report,
    store::{PreviewRow, StoreError},
    worker::Ports,
};

const DAY_MS: u64 = 24 * 3600 * 1000;

/// Milliseconds since 1970 as people write them.
pub(super) fn timestamp(ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

/// A preview that is known to be there, as it is now.
pub(super) async fn describe_again(ports: &Ports, id: &PreviewId) -> Result<PreviewView, Problem> {
    let row = ports.store.preview(id).await?;
    let row = row.ok_or_else(|| Problem::not_found(format!("the preview {id} is forgotten")))?;
    Ok(describe(ports, row).await?)
}

/// What the API says of a preview.
pub(super) async fn describe(ports: &Ports, row: PreviewRow) -> Result<PreviewView, StoreError> {
    let observed = observed(ports, &row).await?;
    let summary = summary(&row.desired, &observed);
    let head = match &row.desired.wanted {
        Wanted::Serve(head) => Some(head),
        _ => None,
    };
    let over = matches!(summary.phase, Phase::Closing | Phase::Gone);
    let known = |text: &String| (!text.is_empty()).then(|| text.clone());
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
        services: services(ports, &row, &observed),
        databases: databases(&row, &observed),
        created_at: timestamp(row.created_at_ms),
        updated_at: timestamp(row.updated_at_ms),
        expires_at: (!over).then(|| expires_at(ports, &row)),
        commit: summary.head,
        serving_commit: summary.serving,
        phase: summary.phase,
        waiting_for: summary.waiting_for,
        diagnosis: summary.diagnosis,
        ending: summary.ending,
    })
}

/// Whether the commit that is wanted now was tried and failed.
pub(super) async fn has_failed(ports: &Ports, id: &PreviewId) -> Result<bool, StoreError> {
    let Some(row) = ports.store.preview(id).await? else {
        return Ok(false);
    };
    let observed = observed(ports, &row).await?;
    let current = current_revision(&row.desired, &observed);
    Ok(current.is_some_and(|revision| matches!(revision.outcome, Some(Outcome::Failed(_)))))
}

/// What the worker saw last, with the facts as they are stored now: a row may be newer than the
/// last look. Without a worker nothing is in the engine, or nobody has looked yet.
pub(super) async fn observed(ports: &Ports, row: &PreviewRow) -> Result<Observed, StoreError> {
    let mut observed = match ports.board.get(&row.id) {
        Some(snapshot) => snapshot.observed.clone(),
        None => Observed::nothing(),
    };
    let revisions = ports.store.revisions(&row.id).await?;
    observed.revisions = revisions
        .into_iter()
        .map(|revision| revision.facts)
        .filter(|facts| facts.life == row.desired.life)
        .collect();
    let databases = ports.store.databases(&row.id).await?;
    observed.born = databases
        .into_iter()
        .filter(|database| database.born)
        .map(|database| database.name)
        .collect();
    observed.records = row.records;
    observed.route = ports.routes.routed(&row.id);
    Ok(observed)
}

/// The revision that people mean: the one that serves, else the one that comes up, else the last.
pub(super) fn shown<'a>(row: &PreviewRow, observed: &'a Observed) -> Option<&'a RevisionFacts> {
    let routed = observed.route.as_ref().map(|route| route.revision);
    routed
        .and_then(|number| observed.revision(number))
        .or_else(|| current_revision(&row.desired, observed))
}

fn services(ports: &Ports, row: &PreviewRow, observed: &Observed) -> Vec<ServiceView> {
    let Some(revision) = shown(row, observed) else {
        return Vec::new();
    };
    let of = |service: &Service| ServiceView {
        name: service.name.clone(),
        url: service_url(ports, row, service),
        phase: service_phase(observed, revision, service),
        image: revision.images.get(&service.name).map(ToString::to_string),
        unchanged_since: observed
            .unchanged_since(revision, &service.name)
            .map(|commit| commit.short().to_string()),
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
        match &row.link_token {
            Some(token) if !ports.settings.is_local() => {
                format!("{url}/.dayfly/open?token={token}")
            }
            _ => url,
        }
    };
    Some(url)
}

fn service_phase(observed: &Observed, revision: &RevisionFacts, service: &Service) -> Phase {
    let serves = observed.route.as_ref().map(|route| route.revision) == Some(revision.number);
    let key = (revision.number, service.name.clone());
    let activity = observed.services.get(&key).map(|view| &view.activity);
    match activity {
        Some(Activity::Running) if serves => Phase::Live,
        _ if revision.outcome.is_some() => Phase::Failed,
        Some(Activity::Exited { .. }) if !revision.healthy => Phase::Failed,
        Some(_) => Phase::Starting,
        None if revision.images.contains_key(&service.name) => Phase::Starting,
        None => Phase::Building,
    }
}

/// The databases of every blueprint of this life: a newer revision may bring one.
fn databases(row: &PreviewRow, observed: &Observed) -> Vec<DatabaseView> {
    let mut engines = BTreeMap::new();
    let revisions = [
        shown(row, observed),
        current_revision(&row.desired, observed),
    ];
    for revision in revisions.into_iter().flatten() {
        for database in revision.blueprint.iter().flat_map(|known| &known.databases) {
            engines.insert(database.name.clone(), database.image.clone());
        }
    }
    let phase = |name: &DatabaseName| match observed.databases.get(name) {
        Some(Activity::Running) if observed.born.contains(name) => Phase::Live,
        Some(_) => Phase::Starting,
        None if observed.born.contains(name) => Phase::Starting,
        None => Phase::Queued,
    };
    engines
        .into_iter()
        .map(|(name, engine)| DatabaseView {
            phase: phase(&name),
            name,
            engine,
        })
        .collect()
}

fn expires_at(ports: &Ports, row: &PreviewRow) -> Timestamp {
    let last = row.pushed_at_ms.max(row.visited_at_ms.unwrap_or(0));
    let days = ports.settings.limits.preview_days_max;
    timestamp(last.saturating_add(days.saturating_mul(DAY_MS)))
}
