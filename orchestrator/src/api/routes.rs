//! Every route of the API, as data.

use axum::routing::{MethodFilter, MethodRouter, on};

use super::{
    ask, backup, databases, delete, deliveries, disk, events, health, list, logs, pool, relink,
    rewind, seeds, shutdown, snapshots, state::ApiState, take, up, wait,
};

/// A method of a path, with its handler.
pub struct Route {
    /// The HTTP method.
    pub method: &'static str,
    /// The path. Names in braces stand for parts that vary.
    pub path: &'static str,
    filter: MethodFilter,
    handler: Handler,
}

type Handler = fn(MethodFilter) -> MethodRouter<ApiState>;

/// Every route of the API.
pub static ROUTES: &[Route] = &[
    get("/healthz", |m| on(m, health::health)),
    get("/api/v1/previews", |m| on(m, list::all)),
    post("/api/v1/previews", |m| on(m, ask::ask)),
    get("/api/v1/previews/{id}", |m| on(m, list::one)),
    delete("/api/v1/previews/{id}", |m| on(m, delete::delete)),
    get("/api/v1/previews/{id}/disk", |m| on(m, disk::disk)),
    get("/api/v1/previews/{id}/seeds", |m| on(m, seeds::seeds)),
    get("/api/v1/previews/{id}/databases/{name}", |m| {
        on(m, databases::reach)
    }),
    post("/api/v1/previews/{id}/forks", |m| on(m, take::fork)),
    post("/api/v1/previews/{id}/captures", |m| on(m, take::capture)),
    post("/api/v1/previews/{id}/undo", |m| on(m, rewind::undo)),
    post("/api/v1/previews/{id}/reset", |m| on(m, rewind::reset)),
    post("/api/v1/previews/{id}/relink", |m| on(m, relink::relink)),
    get("/api/v1/previews/{id}/events", |m| on(m, events::events)),
    get("/api/v1/previews/{id}/logs", |m| on(m, logs::logs)),
    get("/api/v1/previews/{id}/wait", |m| on(m, wait::wait)),
    get("/api/v1/backup", |m| on(m, backup::backup)),
    get("/api/v1/backups", |m| on(m, backup::backups)),
    get("/api/v1/pool", |m| on(m, pool::pool)),
    post("/api/v1/databases", |m| on(m, databases::create)),
    get("/api/v1/snapshots", |m| on(m, snapshots::list)),
    post("/api/v1/snapshots", |m| on(m, snapshots::save)),
    put("/api/v1/snapshots/{name}", |m| on(m, snapshots::import)),
    delete("/api/v1/snapshots/{name}", |m| on(m, snapshots::forget)),
    put("/api/v1/local/{slug}", |m| on(m, up::up)),
    get("/api/v1/deliveries", |m| on(m, deliveries::deliveries)),
    post("/api/v1/shutdown", |m| on(m, shutdown::shutdown)),
];

impl Route {
    const fn new(
        method: &'static str,
        filter: MethodFilter,
        path: &'static str,
        handler: Handler,
    ) -> Self {
        Self {
            method,
            path,
            filter,
            handler,
        }
    }

    /// The handler, for the method of the route only.
    pub(super) fn handler(&self) -> MethodRouter<ApiState> {
        (self.handler)(self.filter)
    }
}

const fn get(path: &'static str, handler: Handler) -> Route {
    Route::new("GET", MethodFilter::GET, path, handler)
}

const fn post(path: &'static str, handler: Handler) -> Route {
    Route::new("POST", MethodFilter::POST, path, handler)
}

const fn put(path: &'static str, handler: Handler) -> Route {
    Route::new("PUT", MethodFilter::PUT, path, handler)
}

const fn delete(path: &'static str, handler: Handler) -> Route {
    Route::new("DELETE", MethodFilter::DELETE, path, handler)
}
