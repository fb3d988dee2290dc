//! `/api/v1/snapshots`: named copies of database data.

use std::{
    io::{self, ErrorKind},
    time::Duration,
};

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::StatusCode,
};
use deploy::{
    data_access::Pieces,
    databases::{SeedReport, SnapshotState},
    personal::Found,
};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    describe::timestamp,
    extract::{Asked, Said},
    problem::Problem,
    state::ApiState,
};
use crate::{
    actions::{Caller, ImportRequest, SaveRequest, snapshot},
    store::{Holds, SnapshotRow},
    worker::Ports,
};

/// How long the rest of a refused upload is read, so that the sender sees the answer.
const REST_MAX: Duration = Duration::from_secs(30);

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

/// All snapshots, with and without names.
pub(super) async fn list(
    State(state): State<ApiState>,
) -> Result<Json<Vec<SnapshotView>>, Problem> {
    let ports = state.workers.ports();
    let named = ports.store.named_snapshots().await?;
    let there = ports.databases.snapshots().await?;
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
    Said(request): Said<SaveRequest>,
) -> Result<(StatusCode, Json<SnapshotView>), Problem> {
    let ports = state.workers.ports();
    let (saved, row) = snapshot::save::save(Caller::Operator, ports, request).await?;
    let view = view(ports, saved, Some(&row), Default::default()).await;
    Ok((StatusCode::CREATED, Json(view)))
}

/// Creates a snapshot from a file; answers when the snapshot is complete.
pub(super) async fn import(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    Asked(request): Asked<ImportRequest>,
    body: Body,
) -> Result<(StatusCode, Json<SnapshotView>), Problem> {
    let ports = state.workers.ports();
    let cut_off = |error| io::Error::new(ErrorKind::UnexpectedEof, error);
    let mut pieces: Pieces<'_> = Box::pin(
        body.into_data_stream()
            .map(move |piece| piece.map_err(cut_off)),
    );
    let made = snapshot::import::import(Caller::Operator, ports, name, request, &mut pieces).await;
    // A client that is still sending would not see the answer.
    let rest = async { while let Some(Ok(_)) = pieces.next().await {} };
    let _ = tokio::time::timeout(REST_MAX, rest).await;
    let (imported, row) = made?;
    let brought = Brought {
        report: imported.report,
        personal: imported.personal,
        unused: imported.unused,
    };
    let view = view(ports, imported.snapshot, Some(&row), brought).await;
    Ok((StatusCode::CREATED, Json(view)))
}

/// Deletes a named snapshot.
pub(super) async fn forget(
    State(state): State<ApiState>,
    Path(name): Path<String>,
) -> Result<Json<serde_json::Value>, Problem> {
    snapshot::forget::forget(Caller::Operator, state.workers.ports(), &name).await?;
    Ok(Json(serde_json::json!({ "removed": name })))
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
