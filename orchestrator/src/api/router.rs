//! Every route of the API.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post, put},
};

use super::{
    ask, backup, databases, delete, deliveries, disk, events, health, list, logs, pool, problem,
    relink, rewind, seeds, shutdown, snapshots, state::ApiState, take, up, wait,
};

/// The largest JSON body; a checkout is a stream with limits of its own.
const JSON_BYTES_MAX: usize = 64 * 1024;

/// The API, for the Unix socket in the data directory and nothing else.
pub fn router(state: ApiState) -> Router {
    Router::new()
        .route("/healthz", get(health::health))
        .route("/api/v1/previews", get(list::all).post(ask::ask))
        .route(
            "/api/v1/previews/{id}",
            get(list::one).delete(delete::delete),
        )
        .route("/api/v1/previews/{id}/disk", get(disk::disk))
        .route("/api/v1/previews/{id}/seeds", get(seeds::seeds))
        .route(
            "/api/v1/previews/{id}/databases/{name}",
            get(databases::reach),
        )
        .route("/api/v1/previews/{id}/forks", post(take::fork))
        .route("/api/v1/previews/{id}/captures", post(take::capture))
        .route("/api/v1/previews/{id}/undo", post(rewind::undo))
        .route("/api/v1/previews/{id}/reset", post(rewind::reset))
        .route("/api/v1/previews/{id}/relink", post(relink::relink))
        .route("/api/v1/backup", get(backup::backup))
        .route("/api/v1/backups", get(backup::backups))
        .route("/api/v1/pool", get(pool::pool))
        .route("/api/v1/databases", post(databases::create))
        .route(
            "/api/v1/snapshots",
            get(snapshots::list).post(snapshots::save),
        )
        .route(
            "/api/v1/snapshots/{name}",
            put(snapshots::import).delete(snapshots::forget),
        )
        .route("/api/v1/previews/{id}/events", get(events::events))
        .route("/api/v1/previews/{id}/logs", get(logs::logs))
        .route("/api/v1/previews/{id}/wait", get(wait::wait))
        .route("/api/v1/local/{slug}", put(up::up))
        .route("/api/v1/deliveries", get(deliveries::deliveries))
        .route("/api/v1/shutdown", post(shutdown::shutdown))
        .fallback(problem::unknown_route)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(DefaultBodyLimit::max(JSON_BYTES_MAX))
        .with_state(state)
}
