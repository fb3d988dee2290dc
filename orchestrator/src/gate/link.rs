//! Access by link: exchanges the token in the link for a session of this preview only.

use axum::{
    http::{Method, request::Parts},
    response::Response,
};
use deploy::names::PreviewId;
use proxy::table::{HostName, SessionDigest};

use super::{
    copies, pages,
    proof::{has_token, session_of},
    state::Gate,
    walk::{self, redirect},
};
use crate::{
    clock::wall_ms, lifecycle::Origin, preview::start_path::StartPath, store::PreviewRow,
    worker::Workers,
};

/// Answers a path under the Gate's own prefix.
pub(super) async fn answer(
    gate: &Gate,
    preview: &PreviewId,
    host: &HostName,
    head: &Parts,
) -> Response {
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/.dayfly/open") => open(gate, preview, host, head).await,
        (&Method::GET, "/.dayfly/enter") => walk::enter(gate, preview, host, head).await,
        (&Method::POST, "/.dayfly/fork") => copies::open(gate, preview, head).await,
        (&Method::GET, "/.dayfly/style.css") => pages::style(),
        _ => pages::unknown(),
    }
}

/// Exchanges the token for a session. The redirect leads into the application, so that no page of
/// the preview can read the token from its address.
async fn open(gate: &Gate, preview: &PreviewId, host: &HostName, head: &Parts) -> Response {
    let ports = gate.workers.ports();
    let Ok(Some(row)) = ports.store.preview(preview).await else {
        return pages::unknown();
    };
    // The path is the main service's; other services have hosts of their own.
    let is_main = ports.routes.main_host(&row).as_ref() == Some(host);
    let path = row.path.as_ref().filter(|_| is_main);
    let into = path.map_or("/", StartPath::as_str);
    if ports.settings.is_local() {
        return redirect(into, None);
    }
    let query = head.uri.query().unwrap_or_default();
    if !has_token(&ports.settings, &row, query) {
        return pages::link_needed(Some(row.desired.origin));
    }
    match admit(&gate.workers, &row, head).await {
        // A capture runs nothing. Its link only allows opening copies, which are counted by
        // session.
        Ok(Some(session)) if row.desired.origin == Origin::Capture => {
            let cookie = walk::cookie(&session, &ports.settings);
            walk::with_cookie(pages::captured(&row, Some(query)), &cookie)
        }
        Ok(Some(session)) => walk::begin(gate, preview, host, session, into),
        Ok(None) => pages::link_needed(Some(row.desired.origin)),
        Err(error) => {
            tracing::error!(
                %preview,
                error = format!("{error:#}"),
                "cannot create a visitor's session; the visitor is asked to retry"
            );
            pages::try_later()
        }
    }
}

/// Creates a session; none if the preview has ended. At a capture, a visitor with a session keeps
/// it.
async fn admit(
    workers: &Workers,
    row: &PreviewRow,
    head: &Parts,
) -> anyhow::Result<Option<String>> {
    if row.desired.origin == Origin::Capture
        && let Some(session) = session_of(workers, &row.id, head).await?
    {
        return Ok(Some(session));
    }
    let ports = workers.ports();
    let session = deploy::random::hex::<16>()?;
    let digest = SessionDigest::of(&session);
    if !ports.store.add_session(row, &digest, wall_ms()).await? {
        return Ok(None);
    }
    let admitted = ports.routes.admit(&row.id, &ports.store).await;
    admitted.map_err(anyhow::Error::msg)?;
    Ok(Some(session))
}
