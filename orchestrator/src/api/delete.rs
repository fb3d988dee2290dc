//! `DELETE /api/v1/previews/{id}`: removes a preview.

use axum::{Json, extract::State, http::StatusCode};

use super::{
    describe::describe_again, extract::Known, phase::Phase, problem::Problem, state::ApiState,
    view::PreviewView,
};
use crate::actions::{self, Caller};

/// The status is 200 once nothing is left.
pub(super) async fn delete(
    State(state): State<ApiState>,
    Known(row): Known,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    actions::remove::remove(Caller::Operator, &state.workers, &row).await?;
    let view = describe_again(state.workers.ports(), &row.id).await?;
    let status = match view.phase {
        Phase::Gone => StatusCode::OK,
        _ => StatusCode::ACCEPTED,
    };
    Ok((status, Json(view)))
}
