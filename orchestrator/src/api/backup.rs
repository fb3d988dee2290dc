//! `GET /api/v1/backup`: a backup of the server's state, as an archive. `GET /api/v1/backups`: the
//! state of scheduled backups.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse as _, Response},
};
use deploy::pieces::pieces;
use serde::Deserialize;

use super::{extract::Asked, problem::Problem, state::ApiState, view::BackupsView};
use crate::actions::{self, Caller};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// Whether the backup includes snapshots and databases.
    #[serde(default)]
    data: bool,
}

/// Sends the archive while it is written. If that fails, the answer breaks off and the log says
/// why, because the head of the answer is already sent.
pub(super) async fn backup(
    State(state): State<ApiState>,
    Asked(query): Asked<Query>,
) -> Result<Response, Problem> {
    let backups = state.backups;
    let turn = actions::backup::begin(Caller::Operator, &backups, query.data).await?;
    let (mut sink, stream) = pieces();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = backups.write(&turn, query.data, &mut sink) {
            tracing::warn!(%error, "failed to write a backup; the download breaks off");
            sink.break_off("the server failed to write the backup");
        }
    });
    let kind = [(CONTENT_TYPE, "application/x-tar")];
    Ok((kind, Body::from_stream(stream)).into_response())
}

/// Why the newest scheduled backup failed, if it did.
pub(super) async fn backups(State(state): State<ApiState>) -> Json<BackupsView> {
    let backups = Arc::clone(&state.backups);
    Json(BackupsView {
        failure: backups.failure(),
    })
}
