//! `GET /api/v1/previews` and `GET /api/v1/previews/{id}`.

use axum::{Json, extract::State};

use super::{
    describe::{describe, describe_whole},
    extract::Known,
    problem::Problem,
    state::ApiState,
    view::PreviewView,
};

pub(super) async fn all(State(state): State<ApiState>) -> Result<Json<Vec<PreviewView>>, Problem> {
    let ports = state.workers.ports();
    let mut views = Vec::new();
    for row in ports.store.previews().await? {
        views.push(describe(ports, row).await?);
    }
    Ok(Json(views))
}

pub(super) async fn one(
    State(state): State<ApiState>,
    Known(row): Known,
) -> Result<Json<PreviewView>, Problem> {
    Ok(Json(describe_whole(state.workers.ports(), row).await?))
}
