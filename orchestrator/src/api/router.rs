//! Every route of the API.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post, put},
};
use deploy::source::Mirrors;
use tokio_util::sync::CancellationToken;

use super::{
    ask, checkout, delete, deliveries, events, health, list, logs, problem, shutdown, wait,
};
use crate::worker::Registry;

/// The largest JSON body; a checkout is a stream with limits of its own.
const JSON_BYTES_MAX: usize = 64 * 1024;

/// What handlers work with.
#[derive(Clone)]
pub struct ApiState {
    /// Workers, and all that they reach the outside through.
    pub registry: Registry,
    /// Where uploaded checkouts are kept.
    pub mirrors: Arc<Mirrors>,
    /// Cancelled when the server should stop; long answers end with it.
    pub shutdown: CancellationToken,
    /// Whether the proxy should stop with the server.
    pub stop_proxy: Arc<AtomicBool>,
    /// Where visitors come in.
    pub listen: Vec<SocketAddr>,
}

/// The API, for the Unix socket in the data directory and nothing else.
pub fn router(state: ApiState) -> Router {
    Router::new()
        .route("/healthz", get(health::health))
        .route("/api/v1/previews", get(list::all).post(ask::ask))
        .route(
            "/api/v1/previews/{id}",
            get(list::one).delete(delete::delete),
        )
        .route("/api/v1/previews/{id}/events", get(events::events))
        .route("/api/v1/previews/{id}/logs", get(logs::logs))
        .route("/api/v1/previews/{id}/wait", get(wait::wait))
        .route("/api/v1/local/{slug}", put(checkout::take))
        .route("/api/v1/deliveries", get(deliveries::deliveries))
        .route("/api/v1/shutdown", post(shutdown::shutdown))
        .fallback(problem::unknown_route)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(DefaultBodyLimit::max(JSON_BYTES_MAX))
        .with_state(state)
}
