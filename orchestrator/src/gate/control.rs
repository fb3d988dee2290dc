//! The control host: the webhook and a health check, and nothing else.

use std::sync::Arc;

use axum::{Router, http::StatusCode, routing::get};
use secrecy::SecretString;
use webhook::{
    intake::Intake,
    receive::{self, ReceiveConfig},
};

pub(super) fn router(secrets: Vec<SecretString>, intake: Arc<dyn Intake>) -> Router {
    receive::router(ReceiveConfig { secrets, intake })
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(|| async { (StatusCode::NOT_FOUND, "This is the address of the Dayfly server, which takes webhooks only. Each preview has an address \
             of its own.\n") })
}
