//! Serves the routes of the API.

use axum::{Router, extract::DefaultBodyLimit};

use super::{problem, routes::ROUTES, state::ApiState};

/// The largest JSON body; a checkout is a stream with limits of its own.
const JSON_BYTES_MAX: usize = 64 * 1024;

/// The API, for the Unix socket in the data directory and nothing else.
pub fn router(state: ApiState) -> Router {
    ROUTES
        .iter()
        .fold(Router::new(), |router, route| {
            router.route(route.path, route.handler())
        })
        .fallback(problem::unknown_route)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(DefaultBodyLimit::max(JSON_BYTES_MAX))
        .with_state(state)
}
