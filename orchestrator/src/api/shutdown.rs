//! `POST /api/v1/shutdown`: stops the server and, on request, the proxy.

use std::sync::atomic::Ordering;

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;

use super::{extract::Asked, state::ApiState, view::Stopping};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    #[serde(default)]
    proxy: bool,
}

/// Answers before the listener closes, because the server finishes open requests.
pub(super) async fn shutdown(
    State(state): State<ApiState>,
    Asked(query): Asked<Query>,
) -> (StatusCode, Json<Stopping>) {
    if query.proxy {
        state.stop_proxy.store(true, Ordering::SeqCst);
    }
    state.shutdown.cancel();
    let pid = std::process::id();
    let proxy = state.stop_proxy.load(Ordering::SeqCst);
    (StatusCode::ACCEPTED, Json(Stopping { pid, proxy }))
}
