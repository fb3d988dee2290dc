//! `GET /api/v1/previews/{id}/logs`: the output of services, a database, builds or migrations,
//! as text.

use std::convert::Infallible;

use axum::{
    body::Body,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::{
    extract::{Asked, Known},
    problem::Problem,
    state::ApiState,
};
use crate::actions::{self, Caller, LogsRequest};

pub(super) async fn logs(
    State(state): State<ApiState>,
    Known(row): Known,
    Asked(request): Asked<LogsRequest>,
) -> Result<Response, Problem> {
    let ports = state.workers.ports();
    let shutdown = &state.shutdown;
    let streams = actions::logs::logs(Caller::Operator, ports, shutdown, &row, &request).await?;
    let lines = stream::select_all(streams)
        .take_until(shutdown.clone().cancelled_owned())
        .map(Ok::<Bytes, Infallible>);
    let header = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((StatusCode::OK, header, Body::from_stream(lines)).into_response())
}
