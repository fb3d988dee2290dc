//! `GET /healthz`.

use axum::{Json, extract::State};

use super::{state::ApiState, view::Health};

pub(super) async fn health(State(state): State<ApiState>) -> Json<Health> {
    Json(Health {
        status: "ok".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        instance: state.workers.ports().store.instance().to_string(),
        listen: state.listen,
    })
}
