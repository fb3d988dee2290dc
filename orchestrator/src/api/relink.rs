//! `POST /api/v1/previews/{id}/relink`: replaces a preview's link.

use axum::{Json, extract::State};

use super::{
    describe::describe_again,
    extract::{Known, Said},
    problem::Problem,
    state::ApiState,
    view::PreviewView,
};
use crate::actions::{self, Caller, RelinkRequest};

/// When this answers, the old link and its sessions are invalid.
pub(super) async fn relink(
    State(state): State<ApiState>,
    Known(row): Known,
    Said(request): Said<RelinkRequest>,
) -> Result<Json<PreviewView>, Problem> {
    actions::relink::relink(Caller::Operator, &state.workers, &row, request).await?;
    Ok(Json(describe_again(state.workers.ports(), &row.id).await?))
}
