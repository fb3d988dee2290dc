//! `GET /api/v1/backup`: everything that a server remembers, as an archive.

use axum::{
    body::Body,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use deploy::pieces::pieces;
use serde::Deserialize;

use super::{extract::Asked, problem::Problem, state::ApiState};
use crate::backup;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// Whether snapshots and databases are in it.
    #[serde(default)]
    data: bool,
}

/// Sends the archive while it is written. Where that fails the answer breaks off, and the log says
/// why: the head was sent long ago.
pub(super) async fn backup(
    State(state): State<ApiState>,
    Asked(query): Asked<Query>,
) -> Result<Response, Problem> {
    let ports = std::sync::Arc::clone(state.workers.ports());
    if query.data
        && let Some(why) = ports.databases.pool().await.err()
    {
        return Err(Problem::new(StatusCode::BAD_GATEWAY, why.to_string()));
    }
    let (mut sink, stream) = pieces();
    let (mirrors, data) = (std::sync::Arc::clone(&state.mirrors), state.data.clone());
    tokio::task::spawn_blocking(move || {
        if let Err(error) = backup::write(&ports, &mirrors, &data, query.data, &mut sink) {
            tracing::warn!(%error, "a backup broke off");
            sink.break_off("the backup broke off");
        }
    });
    let kind = [(CONTENT_TYPE, "application/x-tar")];
    Ok((kind, Body::from_stream(stream)).into_response())
}
