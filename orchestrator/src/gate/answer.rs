//! Answers one question of the proxy: forward, show a page, or wait until the preview serves.

use std::{sync::Arc, time::Duration};

use axum::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use deploy::names::PreviewId;
use proxy::{
    gate::{
        ANSWER, ANSWER_FORWARD, HOST, PATH_PREFIX, REASON, REASON_ACCESS, REASON_PATH,
        REASON_UNREACHABLE, UPSTREAM,
    },
    table::HostName,
};
use tokio::time::Instant;

use super::{
    cors, link, pages, proof,
    state::{Gate, origin_of},
    steps::steps,
    walk,
};
use crate::{
    lifecycle::{Phase, Wanted, summary},
    preview::{current, start_path::StartPath},
    store::PreviewRow,
    worker::{PreviewState, Workers},
};

/// The path to which a waiting page refreshes.
const WAIT_PATH: &str = "/.dayfly/wait";

/// How long a request that is not a navigation is held while a preview starts.
const HOLD_MAX: Duration = Duration::from_secs(30);

/// Answers one question.
pub(super) async fn answer(gate: &Gate, head: &Parts) -> Response {
    let workers = &gate.workers;
    let text = |name| {
        head.headers
            .get(&name)
            .and_then(|value| value.to_str().ok())
    };
    let host = text(HOST).and_then(|host| HostName::parse(host).ok());
    let preview = host
        .as_ref()
        .and_then(|host| workers.ports().routes.preview_of(host));
    let (Some(host), Some(preview)) = (host, preview) else {
        return pages::unknown();
    };
    let reason = text(REASON).unwrap_or_default();
    if head.uri.path().starts_with(PATH_PREFIX) || reason == REASON_PATH {
        return match (&head.method, head.uri.path()) {
            (&Method::GET, WAIT_PATH) => wait(gate, &preview, &host, head).await,
            _ => link::answer(gate, &preview, &host, head).await,
        };
    }
    match reason {
        REASON_ACCESS => {
            let origin = origin_of(workers, &preview).await;
            let refused = match is_navigation(&head.method, &head.headers) {
                true => pages::link_needed(origin),
                false => pages::link_needed_by_call(origin),
            };
            cors::let_read(refused, &head.headers, &workers.ports().routes, &preview)
        }
        REASON_UNREACHABLE => pages::unreachable(),
        _ if is_navigation(&head.method, &head.headers) => {
            stand(workers, &preview, &host, head).await
        }
        _ => held(workers, &preview, &host).await,
    }
}

/// Whether a browser asks for a page, as opposed to a program that makes a call.
fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let accepts_html = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    matches!(*method, Method::GET | Method::HEAD) && accepts_html
}

/// The preview's status page, or "forward" if the preview serves by now.
async fn stand(workers: &Workers, preview: &PreviewId, host: &HostName, head: &Parts) -> Response {
    match upstream(workers, preview, host).await {
        Some(forward) => forward,
        None => page(workers, preview, again_from(workers, head)).await,
    }
}

/// The address to which a waiting page refreshes. It redirects the visitor through hosts that are
/// not known yet. None if access needs no link.
fn again_from(workers: &Workers, head: &Parts) -> Option<String> {
    let path = head.uri.path_and_query()?.as_str().parse::<StartPath>();
    let local = workers.ports().settings.is_local();
    (!local).then(|| Some(format!("{WAIT_PATH}?to={}", path.ok()?)))?
}

/// The preview's status page. Once the preview serves, redirects the visitor through all its hosts
/// to the path of the first request.
async fn wait(gate: &Gate, preview: &PreviewId, host: &HostName, head: &Parts) -> Response {
    let workers = &gate.workers;
    let query = head.uri.query().unwrap_or_default();
    let to = query.strip_prefix("to=").map(str::parse::<StartPath>);
    let Some(Ok(to)) = to else {
        return pages::unknown();
    };
    match proof::session_of(workers, preview, head).await {
        Ok(Some(session)) if workers.ports().routes.address_of(preview, host).is_some() => {
            walk::begin(gate, preview, host, session, to.as_str())
        }
        Ok(Some(_)) => page(workers, preview, None).await,
        Ok(None) => pages::link_needed(origin_of(workers, preview).await),
        Err(error) => {
            tracing::error!(
                %preview,
                %error,
                "cannot read the visitor's session; the visitor is asked to retry"
            );
            pages::try_later()
        }
    }
}

/// The page about a preview. `again` is the address to which it refreshes; none for its own.
async fn page(workers: &Workers, preview: &PreviewId, again: Option<String>) -> Response {
    let ports = workers.ports();
    // The row shows the end of a preview first; the worker's last observation may be older.
    let row = ports.store.preview(preview).await.ok().flatten();
    let is_over = |row: &PreviewRow| {
        let nothing = matches!(row.desired.wanted, Wanted::Nothing(_));
        nothing && row.gone_at_ms.is_some() && !row.desired.clearing
    };
    match (seen(workers, preview).await, row) {
        (_, Some(row)) if is_over(&row) => pages::gone(&row),
        (Some(state), Some(row)) if state.summary.phase == Phase::Captured => {
            match ports.settings.is_local() {
                true => pages::captured(&row, None),
                false => pages::link_needed(Some(row.desired.origin)),
            }
        }
        (Some(state), _) if state.summary.phase != Phase::Gone => {
            let events = ports.store.events(preview).await.unwrap_or_default();
            let mut state = (*state).clone();
            // The progress of starting services is newer than the worker's last observation.
            state.observed.starting = ports.start_progress.get(preview);
            state.summary = summary(&state.row.desired, &state.observed);
            let under_way = ports.board.under_way(preview);
            let steps = steps(state.summary.revision, &events, &under_way);
            pages::standing(&state, steps, again)
        }
        (_, Some(row)) => pages::gone(&row),
        (_, None) => pages::unknown(),
    }
}

/// Waits until the preview serves, cannot serve, or [`HOLD_MAX`] has passed.
async fn held(workers: &Workers, preview: &PreviewId, host: &HostName) -> Response {
    let deadline = Instant::now() + HOLD_MAX;
    let mut changes = workers.ports().board.subscribe();
    loop {
        changes.mark_unchanged();
        if let Some(forward) = upstream(workers, preview, host).await {
            return forward;
        }
        let state = seen(workers, preview).await;
        if !state.as_ref().is_some_and(may_serve_soon) {
            return page(workers, preview, None).await;
        }
        if tokio::time::timeout_at(deadline, changes.changed())
            .await
            .is_err()
        {
            return pages::try_later();
        }
    }
}

/// The worker's last observation. Before the first one, the stored state of a preview that should
/// serve.
async fn seen(workers: &Workers, preview: &PreviewId) -> Option<Arc<PreviewState>> {
    let ports = workers.ports();
    if let Some(state) = ports.board.get(preview) {
        return Some(state);
    }
    let row = ports.store.preview(preview).await.ok().flatten()?;
    if !matches!(row.desired.wanted, Wanted::Serve(_)) {
        return None;
    }
    let observed = current::observed(ports, &row).await.ok()?;
    let summary = summary(&row.desired, &observed);
    Some(Arc::new(PreviewState {
        row,
        observed,
        summary,
    }))
}

fn may_serve_soon(state: &Arc<PreviewState>) -> bool {
    !matches!(
        state.summary.phase,
        Phase::Failed | Phase::Gone | Phase::Closing | Phase::Captured
    )
}

/// "Forward", if the host has an address by now.
async fn upstream(workers: &Workers, preview: &PreviewId, host: &HostName) -> Option<Response> {
    let address = workers.ports().routes.address_of(preview, host)?;
    let address = HeaderValue::from_str(&address.to_string()).ok()?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response
        .headers_mut()
        .insert(ANSWER, HeaderValue::from_static(ANSWER_FORWARD));
    response.headers_mut().insert(UPSTREAM, address);
    Some(response)
}
