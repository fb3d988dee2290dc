//! Reads and checks the parts of a request. The answer to an invalid part is one sentence.

use axum::{
    Json,
    extract::{
        FromRequest, FromRequestParts, Path, Query, Request,
        rejection::{JsonRejection, QueryRejection},
    },
    http::{StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;

use super::{problem::Problem, state::ApiState};
use crate::{actions::find, store::PreviewRow};

/// The existing preview that the path names.
pub(super) struct Known(pub(super) PreviewRow);

impl FromRequestParts<ApiState> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::request(StatusCode::NOT_FOUND, error.body_text()))?;
        let row = find::find(state.workers.ports(), &text).await?;
        Ok(Self(row))
    }
}

/// The query string.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<ApiState> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        Query::from_request_parts(parts, state)
            .await
            .map(|Query(value)| Self(value))
            .map_err(|error: QueryRejection| {
                Problem::request(StatusCode::BAD_REQUEST, error.body_text())
            })
    }
}

/// A JSON body.
pub(super) struct Said<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<ApiState> for Said<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        Json::from_request(request, state)
            .await
            .map(|Json(value)| Self(value))
            .map_err(|error: JsonRejection| {
                let status = match error.status() {
                    StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
                    status => status,
                };
                Problem::request(status, error.body_text())
            })
    }
}
