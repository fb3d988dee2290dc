//! `GET /api/v1/previews/{id}/seeds`: the seed reports of a preview's databases.

use axum::{Json, extract::State};

use super::{extract::Known, problem::Problem, state::ApiState};
use crate::preview::{
    current,
    seeds::{self, Seeds},
};

pub(super) async fn seeds(
    State(state): State<ApiState>,
    Known(row): Known,
) -> Result<Json<Seeds>, Problem> {
    let ports = state.workers.ports();
    let observed = current::observed(ports, &row).await?;
    Ok(Json(seeds::seeds(ports, &row, &observed, |_| true).await))
}
