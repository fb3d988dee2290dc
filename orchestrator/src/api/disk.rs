//! `GET /api/v1/previews/{id}/disk`: how much of the engine's disk a preview uses.

use axum::{Json, extract::State};
use deploy::builder::DiskUse;

use super::{
    extract::Known,
    problem::{Problem, outside},
    state::ApiState,
};

pub(super) async fn disk(
    State(state): State<ApiState>,
    Known(row): Known,
) -> Result<Json<DiskUse>, Problem> {
    let used = state.workers.ports().builder.disk_use(&row.id).await;
    used.map(Json).map_err(outside)
}
