//! `POST /api/v1/previews/{id}/forks` and `/captures`: copies of a preview in its current state.

use axum::{Json, extract::State, http::StatusCode};

use super::{
    describe::describe_again,
    extract::{Known, Said},
    problem::Problem,
    state::ApiState,
    view::PreviewView,
};
use crate::{
    lifecycle::Origin,
    preview::fork_capture::{CopyBody, Refused, take_copy},
};

/// Takes a fork, which runs independently.
pub(super) async fn fork(
    State(state): State<ApiState>,
    Known(row): Known,
    Said(body): Said<CopyBody>,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    let id = take_copy(&state.workers, &row, body, Origin::Fork).await?;
    let view = describe_again(state.workers.ports(), &id).await?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}

/// Takes a capture, which never runs and serves as a source of forks.
pub(super) async fn capture(
    State(state): State<ApiState>,
    Known(row): Known,
    Said(body): Said<CopyBody>,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    if body.commit.is_some() {
        return Err(Problem::bad_request(
            "a capture always holds the serving commit; leave out `commit`, or take a fork",
        ));
    }
    let id = take_copy(&state.workers, &row, body, Origin::Capture).await?;
    let view = describe_again(state.workers.ports(), &id).await?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let detail = refused.to_string();
        match refused {
            Refused::Wrong(_) => Self::bad_request(detail),
            Refused::NotNow(_) => Self::conflict(detail),
            Refused::TooMany(_) => Self::new(StatusCode::TOO_MANY_REQUESTS, detail),
            Refused::Store(error) => error.into(),
        }
    }
}
