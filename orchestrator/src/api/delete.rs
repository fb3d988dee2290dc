//! `DELETE /api/v1/previews/{id}`: nothing should be left of it.

use axum::{Json, extract::State, http::StatusCode};

use super::{
    describe::describe_again, extract::Known, problem::Problem, state::ApiState, view::PreviewView,
};
use crate::{
    clock::wall_ms,
    lifecycle::{Desired, Phase},
};

/// Asking again changes nothing; 200 says that nothing is left already.
pub(super) async fn delete(
    State(state): State<ApiState>,
    Known(row): Known,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    let ports = state.workers.ports();
    ports
        .store
        .change_desired(&row.id, wall_ms(), Desired::remove)
        .await?;
    state.workers.wake(&row.id);
    let view = describe_again(ports, &row.id).await?;
    let status = match view.phase {
        Phase::Gone => StatusCode::OK,
        _ => StatusCode::ACCEPTED,
    };
    Ok((status, Json(view)))
}
