//! `POST /api/v1/previews/{id}/undo` and `/reset`: go back to the revision that
//! served before, and recreate databases from their seeds.

use axum::{Json, extract::State, http::StatusCode};

use super::{
    describe::accepted,
    extract::{Known, Said},
    problem::Problem,
    state::ApiState,
    view::PreviewView,
};
use crate::actions::{self, Caller, ResetRequest};

/// Goes back to the revision that served before, including its data. A second call redoes it.
pub(super) async fn undo(
    State(state): State<ApiState>,
    Known(row): Known,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    actions::undo::undo(Caller::Operator, &state.workers, &row).await?;
    accepted(state.workers.ports(), &row.id).await
}

/// Recreates databases from their seeds, beside the serving ones. Can be undone.
pub(super) async fn reset(
    State(state): State<ApiState>,
    Known(row): Known,
    Said(request): Said<ResetRequest>,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    actions::reset::reset(Caller::Operator, &state.workers, &row, request).await?;
    accepted(state.workers.ports(), &row.id).await
}
