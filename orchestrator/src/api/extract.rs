//! Reads and checks the parts of a request. The answer to an invalid part is one sentence.

use axum::{
    Json,
    extract::{
        FromRequest, FromRequestParts, Path, Query, Request,
        rejection::{JsonRejection, QueryRejection},
    },
    http::{StatusCode, request::Parts},
};
use deploy::names::PreviewId;
use serde::de::DeserializeOwned;

use super::{problem::Problem, state::ApiState};
use crate::store::PreviewRow;

/// The existing preview that the path names.
pub(super) struct Known(pub(super) PreviewRow);

impl FromRequestParts<ApiState> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::not_found(error.body_text()))?;
        // An invalid id gets the same 404 as an unknown one.
        let unknown = || {
            let shown: String = text.chars().take(80).collect();
            Problem::not_found(format!(
                "there is no preview {shown:?}; `dayfly ls` shows all"
            ))
        };
        let id = PreviewId::parse(&text).map_err(|_| unknown())?;
        let row = state.workers.ports().store.preview(&id).await?;
        row.map(Self).ok_or_else(unknown)
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
            .map_err(|error: QueryRejection| Problem::bad_request(error.body_text()))
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
            .map_err(|error: JsonRejection| match error.status() {
                StatusCode::UNPROCESSABLE_ENTITY => Problem::bad_request(error.body_text()),
                status => Problem::new(status, error.body_text()),
            })
    }
}
