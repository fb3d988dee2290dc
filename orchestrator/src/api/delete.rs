//! `DELETE /api/v1/previews/{id}`: removes a preview.

use axum::{Json, extract::State, http::StatusCode};

use super::{
    describe::describe_again, extract::Known, phase::Phase, problem::Problem, state::ApiState,
    view::PreviewView,
};
use crate::{clock::wall_ms, lifecycle::Desired};

/// A second call changes nothing. The status is 200 once nothing is left.
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
