//! Takes forks and captures of previews.

use std::collections::BTreeSet;

use deploy::{
    blueprint::SeedSource,
    engine::ServiceKey,
    names::{CommitSha, PreviewId, RevisionNumber},
};
use serde::{Deserialize, Serialize};

use super::{
    caller::{Action, Caller},
    hours,
    refused::{Code, Refused},
};
use crate::{
    clock::wall_ms,
    lifecycle::{Head, Observed, Origin, Parent, Phase, RevisionFacts, Wanted, summary},
    logs::service,
    preview::{current, names, start_path::StartPath},
    store::{Holds, NewCopy, NewRevision, PreviewRow, StoreError},
    worker::{Ports, Workers},
};

/// Maximum length of a note, in characters; the rest is cut.
const NOTE_CHARS_MAX: usize = 500;
/// Maximum lifetime of a fork or a capture, in hours.
const HOURS_MAX: u64 = 24 * 365;

/// The request for a fork or a capture.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyRequest {
    /// The commit to run on the copied data: a full id, or the beginning of the id of a commit that
    /// the preview already had.
    #[serde(default)]
    pub commit: Option<String>,
    /// A note for readers.
    #[serde(default)]
    pub note: Option<String>,
    /// The path that its link opens. A copy of a capture has the capture's path by default.
    #[serde(default)]
    pub path: Option<String>,
    /// Its lifetime in hours.
    #[serde(default)]
    pub hours: Option<u64>,
}

/// Opens a copy of a preview, which runs independently.
pub async fn fork(
    caller: Caller,
    workers: &Workers,
    row: &PreviewRow,
    request: CopyRequest,
) -> Result<PreviewId, Refused> {
    caller.check(Action::Fork(row.desired.origin))?;
    take_copy(workers, row, request, Origin::Fork).await
}

/// Keeps the state of a preview. A capture never runs and serves as a source of forks.
pub async fn capture(
    caller: Caller,
    workers: &Workers,
    row: &PreviewRow,
    request: CopyRequest,
) -> Result<PreviewId, Refused> {
    caller.check(Action::Capture)?;
    if request.commit.is_some() {
        return Err(Refused::invalid(
            "a capture always holds the serving commit; leave out `commit`, or take a fork",
        ));
    }
    take_copy(workers, row, request, Origin::Capture).await
}

/// Records the new preview; its worker takes the copy immediately.
async fn take_copy(
    workers: &Workers,
    row: &PreviewRow,
    request: CopyRequest,
    origin: Origin,
) -> Result<PreviewId, Refused> {
    let ports = workers.ports();
    let observed = current::observed(ports, row).await?;
    let (head, source) = source(row, &observed)?;
    keep_real_data_in(ports, row, source).await?;
    let commit = match &request.commit {
        None => source.commit.clone(),
        Some(text) => known_commit(text, row.desired.origin, &observed)?,
    };
    let hours_max = match origin {
        Origin::Capture => ports.settings.limits.capture_days_max.saturating_mul(24),
        _ => ports.settings.limits.fork_hours_max,
    };
    let hours = request.hours.unwrap_or(hours_max);
    hours::check(hours, HOURS_MAX)?;
    let path = request.path.as_deref().map(str::parse::<StartPath>);
    let path = path
        .transpose()
        .map_err(|error| Refused::invalid(error.to_string()))?;
    let letter = match origin {
        Origin::Capture => 'c',
        _ => 'f',
    };
    let id = fresh_id(&row.slug, letter)?;
    let now_ms = wall_ms();
    let new = NewCopy {
        id: id.clone(),
        slug: row.slug.clone(),
        origin,
        parent: Some(parent(row, source, &observed)),
        repository: row.repository.as_ref().map(|repository| repository.id),
        head: Head {
            commit,
            ..head.clone()
        },
        note: request
            .note
            .map(|note| note.chars().take(NOTE_CHARS_MAX).collect()),
        path: path.or_else(|| row.path.clone()),
        expires_at_ms: Some(hours::end_ms(now_ms, hours)),
    };
    add(ports, new, None, now_ms).await?;
    workers.wake(&id);
    if origin == Origin::Capture {
        keep_lines(ports, row, source, &id).await;
    }
    Ok(id)
}

/// The serving revision, or the revision that a capture holds.
fn source<'a>(
    row: &'a PreviewRow,
    observed: &'a Observed,
) -> Result<(&'a Head, &'a RevisionFacts), Refused> {
    let phase = summary(&row.desired, observed).phase;
    let Wanted::Serve(head) = &row.desired.wanted else {
        return Err(Refused::conflict(format!("{} is {phase}", row.id)));
    };
    let whole = match row.desired.origin {
        Origin::Capture => phase == Phase::Captured,
        _ => observed.route.is_some(),
    };
    match current::shown(row, observed).filter(|_| whole && !row.desired.clearing) {
        Some(revision) => Ok((head, revision)),
        None => Err(Refused::conflict(format!(
            "{} is {phase}: it does not serve yet, so there is nothing to copy",
            row.id
        ))),
    }
}

/// Refuses to copy data of real people, because anyone with its link can open a copy.
async fn keep_real_data_in(
    ports: &Ports,
    row: &PreviewRow,
    source: &RevisionFacts,
) -> Result<(), Refused> {
    let refused = |from: &str| {
        Refused::invalid(format!(
            "{} holds data of real people ({from}), and anyone with its link can open a copy; \
             import the data with `--mask`",
            row.id
        ))
    };
    let rows = ports.store.databases(&row.id).await?;
    if let Some(real) = rows.iter().find(|database| database.real) {
        return Err(refused(&format!("database {}", real.name)));
    }
    for database in source.databases() {
        let Some(SeedSource::Snapshot { name }) = &database.seed else {
            continue;
        };
        // A deleted snapshot may have held real data, but then only a standalone database uses it.
        let held = ports.store.snapshot(name).await?.map(|kept| kept.holds);
        let alone = row.desired.origin == Origin::Database;
        if held == Some(Holds::Real) || held.is_none() && alone {
            return Err(refused(&format!("snapshot {name:?}")));
        }
    }
    Ok(())
}

fn parent(row: &PreviewRow, source: &RevisionFacts, observed: &Observed) -> Parent {
    let facts = source
        .generation
        .and_then(|generation| observed.generations.get(&generation));
    let names = facts.map_or_else(BTreeSet::new, |facts| facts.complete.clone());
    Parent {
        preview: row.id.clone(),
        generation: source.generation,
        names,
        revision: source.number,
        commit: source.commit.clone(),
    }
}

/// Finds a commit by its full id, or by the beginning of the id of a commit that the preview
/// already had. Only the latter exists for a checkout.
fn known_commit(text: &str, origin: Origin, observed: &Observed) -> Result<CommitSha, Refused> {
    let way_out = match origin {
        Origin::Local => {
            "for a checkout, use an id that `dayfly up` or `dayfly show` prints, not git's id"
        }
        _ => "use the full id",
    };
    if let Ok(commit) = CommitSha::parse(text)
        && origin != Origin::Local
    {
        return Ok(commit);
    }
    let shown: String = text.chars().take(80).collect();
    let known: BTreeSet<&CommitSha> = observed
        .revisions
        .iter()
        .map(|revision| &revision.commit)
        .filter(|commit| text.len() >= 7 && commit.as_str().starts_with(text))
        .collect();
    match known.len() {
        1 => Ok(known.into_iter().next().cloned()),
        0 => Ok(None),
        _ => Err(Refused::invalid(format!(
            "{shown:?} is the beginning of several commit ids; use a longer one"
        ))),
    }?
    .ok_or_else(|| Refused::invalid(format!("this preview had no commit {shown:?}; {way_out}")))
}

/// Records a new preview unless the limit is reached.
///
/// # Errors
/// [`Code::TooMany`].
pub(super) async fn add(
    ports: &Ports,
    new: NewCopy,
    first: Option<NewRevision>,
    now_ms: u64,
) -> Result<(), Refused> {
    let most = ports.settings.limits.forks_max;
    if ports.store.add_copy(new, first, most, now_ms).await? {
        return Ok(());
    }
    Err(Refused::new(
        Code::TooMany,
        format!(
            "there are already {most} forks, captures and databases, as many as limits.forks_max \
             allows; remove one with `dayfly rm`"
        ),
    ))
}

/// A new random preview id.
pub(super) fn fresh_id(slug: &str, letter: char) -> Result<PreviewId, Refused> {
    let digits = deploy::random::hex::<4>().map_err(StoreError::from)?;
    names::copy_preview_id(slug, letter, &digits)
        .map_err(|error| Refused::invalid(error.to_string()))
}

/// Keeps the services' log lines for a capture. A failure does not fail the capture.
async fn keep_lines(ports: &Ports, row: &PreviewRow, source: &RevisionFacts, id: &PreviewId) {
    for service in source.blueprint.iter().flat_map(|known| &known.services) {
        let from = ServiceKey {
            preview: row.id.clone(),
            revision: source.number,
            service: service.name.clone(),
        };
        let to = ServiceKey {
            preview: id.clone(),
            revision: RevisionNumber(1),
            service: service.name.clone(),
        };
        service::keep_log_as(&*ports.engine, &ports.settings.logs, &from, &to).await;
    }
}
