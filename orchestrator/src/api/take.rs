//! `POST /api/v1/previews/{id}/forks` and `/captures`: copies of a preview in its current state.

use axum::{Json, extract::State, http::StatusCode};

use super::{
    describe::accepted,
    extract::{Known, Said},
    problem::Problem,
    state::ApiState,
    view::PreviewView,
};
use crate::actions::{Caller, CopyRequest, fork_capture};

/// Takes a fork, which runs independently.
pub(super) async fn fork(
    State(state): State<ApiState>,
    Known(row): Known,
    Said(request): Said<CopyRequest>,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    let id = fork_capture::fork(Caller::Operator, &state.workers, &row, request).await?;
    accepted(state.workers.ports(), &id).await
}

/// Takes a capture, which never runs and serves as a source of forks.
pub(super) async fn capture(
    State(state): State<ApiState>,
    Known(row): Known,
    Said(request): Said<CopyRequest>,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    let id = fork_capture::capture(Caller::Operator, &state.workers, &row, request).await?;
    accepted(state.workers.ports(), &id).await
}
