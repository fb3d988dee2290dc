//! `POST /api/v1/previews/{id}/undo` and `/reset`: go back to the revision that
//! served before, and recreate databases from their seeds.

use std::collections::BTreeSet;

use axum::{Json, extract::State, http::StatusCode};
use deploy::names::DatabaseName;
use serde::{Deserialize, Serialize};

use super::{
    describe::describe_again,
    extract::{Known, Said},
    problem::Problem,
    state::ApiState,
    view::PreviewView,
};
use crate::{
    clock::wall_ms,
    lifecycle::{Desired, Observed, Unready, current_revision},
    preview::{current, named_snapshots},
    store::PreviewRow,
    worker::Ports,
};

/// The databases to recreate from their seeds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetBody {
    /// The database; none means all.
    #[serde(default)]
    pub database: Option<DatabaseName>,
}

/// Goes back to the revision that served before, including its data. A second call redoes it.
pub(super) async fn undo(
    State(state): State<ApiState>,
    Known(row): Known,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    let ports = state.workers.ports();
    let observed = current::observed(ports, &row).await?;
    want(&state, &row, move |desired| {
        desired.undo(&observed).map(drop)
    })
    .await
}

/// Recreates databases from their seeds, beside the serving ones. Can be undone.
pub(super) async fn reset(
    State(state): State<ApiState>,
    Known(row): Known,
    Said(body): Said<ResetBody>,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    let ports = state.workers.ports();
    let observed = current::observed(ports, &row).await?;
    row.desired
        .settled_head(&observed)
        .map_err(|unready| refused(ports, &row, unready))?;
    let known: BTreeSet<_> = current::shown(&row, &observed)
        .iter()
        .flat_map(|revision| revision.databases())
        .map(|database| database.name.clone())
        .collect();
    if known.is_empty() {
        return Err(Problem::conflict(format!("{} has no database", row.id)));
    }
    if let Some(name) = body.database.as_ref().filter(|name| !known.contains(*name)) {
        let names: Vec<_> = known.iter().map(|name| name.as_str()).collect();
        return Err(Problem::not_found(format!(
            "{} has no database {name}; it has {}",
            row.id,
            names.join(", ")
        )));
    }
    check_snapshots(ports, &row, &observed).await?;
    let only = body.database.map(|name| BTreeSet::from([name]));
    want(&state, &row, move |desired| desired.reset(&observed, only)).await
}

/// Fails if the commit that would run again names a snapshot that cannot be used.
async fn check_snapshots(
    ports: &Ports,
    row: &PreviewRow,
    observed: &Observed,
) -> Result<(), Problem> {
    let head = current_revision(&row.desired, observed);
    let head = head.filter(|revision| revision.blueprint.is_some());
    let again = head.or_else(|| current::shown(row, observed));
    let Some(blueprint) = again.and_then(|revision| revision.blueprint.as_ref()) else {
        return Ok(());
    };
    let origin = row.desired.origin;
    let unusable = named_snapshots::first_unusable(&ports.store, origin, blueprint).await?;
    let Some(unusable) = unusable else {
        return Ok(());
    };
    let nearest = unusable.nearest(&ports.store).await?;
    let nearest = nearest.map_or_else(String::new, |name| format!("; did you mean {name}?"));
    Err(Problem::conflict(format!(
        "nothing is changed: {unusable}{nearest}"
    )))
}

/// Changes the desired state of a preview and returns its new view.
async fn want(
    state: &ApiState,
    row: &PreviewRow,
    change: impl FnOnce(&mut Desired) -> Result<(), Unready> + Send + 'static,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    let ports = state.workers.ports();
    let changed = ports.store.change_desired(&row.id, wall_ms(), change);
    if let Some(Err(unready)) = changed.await? {
        return Err(refused(ports, row, unready));
    }
    state.workers.wake(&row.id);
    let view = describe_again(ports, &row.id).await?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}

fn refused(ports: &Ports, row: &PreviewRow, unready: Unready) -> Problem {
    let id = &row.id;
    Problem::conflict(match unready {
        Unready::Captured => {
            format!("{id} is a capture and cannot change; `dayfly fork {id}` opens a copy of it")
        }
        Unready::InPhase(phase) => format!("{id} is {phase}; wait until it is live"),
        Unready::NothingBefore => {
            let hours = ports.settings.limits.undo_hours_max;
            format!(
                "{id} has no earlier revision to go back to: a replaced revision is kept for {hours} h, \
                 or until the next push"
            )
        }
    })
}
