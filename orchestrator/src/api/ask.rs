//! `POST /api/v1/previews`: creates or refreshes the preview of an open pull request.

use axum::{Json, extract::State, http::StatusCode};

use super::{
    describe::accepted, extract::Said, problem::Problem, state::ApiState, view::PreviewView,
};
use crate::actions::{self, AskRequest, Caller};

pub(super) async fn ask(
    State(state): State<ApiState>,
    Said(request): Said<AskRequest>,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    let id = actions::ask::ask(Caller::Operator, &state.workers, request).await?;
    accepted(state.workers.ports(), &id).await
}
