//! `/api/v1/snapshots`: named copies of database data.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use deploy::{
    blueprint::SeedSource,
    databases::{DatabaseError, SeedReport, SnapshotState},
    names::{DatabaseKey, DatabaseName, PreviewId},
    personal::Found,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{describe::timestamp, extract::Said, problem::Problem, state::ApiState};
use crate::{
    clock::wall_ms,
    lifecycle::Origin,
    preview::current,
    store::{Holds, SnapshotRow},
    worker::Ports,
};

/// Maximum length of a name.
const NAME_MAX: usize = 40;
/// A named snapshot, or an unnamed one that was made from a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotView {
    /// Its name; null if it was made from a seed.
    pub name: Option<String>,
    /// Its id in the pool.
    pub id: String,
    /// The image of the database server.
    pub image: String,
    /// The source of its data.
    pub source: String,
    /// The kind of data that it holds; null if it was made from a seed.
    pub holds: Option<Holds>,
    /// The person responsible for it.
    pub owner: Option<String>,
    /// Its size in bytes; null if it cannot be measured.
    pub bytes: Option<u64>,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it was last copied.
    pub used_at: Timestamp,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// The result of the import; empty except in the answer to an import.
    #[serde(flatten)]
    pub brought: Brought,
}

/// The result of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brought {
    /// The imported rows, and the changes that Dayfly made to the file.
    #[serde(default)]
    pub report: SeedReport,
    /// Everything that looks personal, and what a mask left of it.
    #[serde(default)]
    pub personal: Vec<Found>,
    /// Accepted names that match nothing in the data.
    #[serde(default)]
    pub unused: Vec<String>,
}

/// The request to save a database's data as a named snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaveBody {
    /// The preview.
    pub preview: PreviewId,
    /// The database; required if the preview has several.
    #[serde(default)]
    pub database: Option<DatabaseName>,
    /// The name of the snapshot.
    pub name: String,
    /// The kind of data that it holds.
    #[serde(default)]
    pub holds: Option<Holds>,
    /// The person responsible for it.
    pub owner: String,
    /// Its lifetime in days.
    #[serde(default)]
    pub days: Option<u64>,
}

pub(super) async fn list(
    State(state): State<ApiState>,
) -> Result<Json<Vec<SnapshotView>>, Problem> {
    let ports = state.workers.ports();
    let named = ports.store.named_snapshots().await?;
    let there = ports.databases.snapshots().await.map_err(failed)?;
    let mut views = Vec::with_capacity(there.len());
    for state in there {
        let row = named.iter().find(|row| row.id == state.id);
        views.push(view(ports, state, row, Default::default()).await);
    }
    Ok(Json(views))
}

/// Saves a copy of a database's data. The database keeps running.
pub(super) async fn save(
    State(state): State<ApiState>,
    Said(body): Said<SaveBody>,
) -> Result<(StatusCode, Json<SnapshotView>), Problem> {
    let ports = state.workers.ports();
    check_name(&body.name)?;
    let none = || Problem::not_found(format!("there is no preview {}", body.preview));
    let row = ports.store.preview(&body.preview).await?.ok_or_else(none)?;
    let observed = current::observed(ports, &row).await?;
    let revision = current::shown(&row, &observed);
    let complete = revision
        .and_then(|revision| revision.generation)
        .and_then(|generation| Some((generation, observed.generations.get(&generation)?)));
    let Some((generation, facts)) = complete else {
        return Err(Problem::conflict(format!("{} has no data yet", row.id)));
    };
    let name = match (&body.database, facts.complete.first()) {
        (Some(name), _) if facts.complete.contains(name) => name.clone(),
        (None, Some(only)) if facts.complete.len() == 1 => only.clone(),
        _ => {
            let names: Vec<_> = facts.complete.iter().map(|name| name.as_str()).collect();
            let names = names.join(", ");
            return Err(Problem::bad_request(format!(
                "name one of the databases of {}: {names}",
                row.id
            )));
        }
    };
    // Data that does not come from a seed in the repository may be of any kind.
    let mut databases = revision.iter().flat_map(|facts| facts.databases());
    let brought = databases.any(|d| matches!(d.seed, Some(SeedSource::Snapshot { .. })));
    let holds = match body.holds {
        Some(holds) => holds,
        None if brought || !matches!(row.desired.origin, Origin::PullRequest | Origin::Local) => {
            return Err(Problem::bad_request(
                "choose the kind of data: `--as synthetic`, `--as masked` or `--as real`",
            ));
        }
        None => Holds::Synthetic,
    };
    let key = DatabaseKey {
        preview: row.id.clone(),
        generation,
        name,
    };
    let source = format!("database {} of {}", key.name, row.id);
    let given = (body.name, holds, body.owner, body.days);
    let ports = Arc::clone(ports);
    let view = to_the_end(async move {
        let saved = ports.databases.save(&key, &source).await.map_err(failed)?;
        name_snapshot(&ports, saved, given, Default::default()).await
    });
    Ok((StatusCode::CREATED, Json(view.await?)))
}

/// Finishes the work even if the caller disconnects: no one could remove data without a name.
pub(super) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    let ended = tokio::spawn(work).await;
    ended.unwrap_or_else(|error| {
        let sentence = format!("the data was not saved: {error}");
        Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, sentence))
    })
}

pub(super) async fn remove(
    State(state): State<ApiState>,
    Path(name): Path<String>,
) -> Result<Json<serde_json::Value>, Problem> {
    let ports = state.workers.ports();
    let row = ports.store.snapshot(&name).await?;
    let row = row.ok_or_else(|| {
        let shown: String = name.chars().take(80).collect();
        Problem::not_found(format!(
            "there is no snapshot {shown:?}; `dayfly snapshot ls` shows all"
        ))
    })?;
    ports.store.forget_snapshot(&name).await?;
    ports.databases.forget(&row.id).await.map_err(failed)?;
    Ok(Json(serde_json::json!({ "removed": name })))
}

/// Names a snapshot. Deletes the snapshot that had the name before.
pub(super) async fn name_snapshot(
    ports: &Ports,
    state: SnapshotState,
    (name, holds, owner, days): (String, Holds, String, Option<u64>),
    brought: Brought,
) -> Result<SnapshotView, Problem> {
    let now_ms = wall_ms();
    let row = SnapshotRow {
        name,
        id: state.id.clone(),
        holds,
        owner,
        created_at_ms: now_ms,
        expires_at_ms: days.map(|days| now_ms.saturating_add(days.saturating_mul(86_400_000))),
    };
    let before = ports.store.name_snapshot(row.clone()).await?;
    if let Some(before) = before.filter(|before| *before != state.id) {
        ports.databases.forget(&before).await.map_err(failed)?;
    }
    Ok(view(ports, state, Some(&row), brought).await)
}

async fn view(
    ports: &Ports,
    state: SnapshotState,
    row: Option<&SnapshotRow>,
    brought: Brought,
) -> SnapshotView {
    let measured = ports.databases.snapshot_use(&state.id).await;
    SnapshotView {
        name: row.map(|row| row.name.clone()),
        id: state.id.to_string(),
        image: state.image,
        source: state.source,
        holds: row.map(|row| row.holds),
        owner: row.map(|row| row.owner.clone()),
        bytes: measured
            .ok()
            .map(|used| used.exclusive_bytes + used.shared_bytes),
        made_at: timestamp(state.made_at_ms),
        used_at: timestamp(state.used_at_ms),
        expires_at: row.and_then(|row| row.expires_at_ms).map(timestamp),
        brought,
    }
}

pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let fits = !name.is_empty()
        && name.len() <= NAME_MAX
        && name.bytes().all(plain)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--");
    if fits {
        return Ok(());
    }
    Err(Problem::bad_request(format!(
        "the name of a snapshot must be at most {NAME_MAX} characters: a-z, 0-9 and single hyphens"
    )))
}

pub(super) fn failed(error: DatabaseError) -> Problem {
    let status = match &error {
        DatabaseError::Seed { .. }
        | DatabaseError::SeedUnfit { .. }
        | DatabaseError::Mask { .. }
        | DatabaseError::Unmasked(_) => StatusCode::UNPROCESSABLE_ENTITY,
        DatabaseError::Full(_) => StatusCode::INSUFFICIENT_STORAGE,
        DatabaseError::NoData(_) | DatabaseError::Version { .. } => StatusCode::CONFLICT,
        _ => StatusCode::BAD_GATEWAY,
    };
    Problem::new(status, error.to_string())
}
