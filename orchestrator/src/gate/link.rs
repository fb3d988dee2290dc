//! Access by link: the token in the first address is exchanged for a session of this preview alone.

use axum::{
    http::{Method, header, request::Parts},
    response::Response,
};
use deploy::names::PreviewId;
use proxy::table::{HostName, SESSION_COOKIE, SessionDigest};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::{
    pages,
    state::Gate,
    walk::{self, redirect},
};
use crate::{
    clock::wall_ms,
    forge::report,
    lifecycle::Origin,
    preview::{fork_capture, start_path::StartPath},
    store::{PreviewRow, StoreError},
    worker::Workers,
};

/// How many copies of one capture may be open when a visitor asks for one more, and for how many hours
/// at most such a copy stays: whoever has a link should not use up what all have together.
const COPIES_BY_LINK_MAX: usize = 5;
const HOURS_BY_LINK_MAX: u64 = 8;

/// Held while copies are counted and one more is asked for.
static OPENING: Mutex<()> = Mutex::const_new(());

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
        (&Method::POST, "/.dayfly/fork") => fork(&gate.workers, preview, head).await,
        (&Method::GET, "/.dayfly/style.css") => pages::style(),
        _ => pages::unknown(),
    }
}

/// Exchanges the token. The answer leads into the application, so that the token is in no address that a
/// page of the preview could read.
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
    if !has_token(&row, query) {
        return pages::link_needed(Some(row.desired.origin));
    }
    // A capture has nothing to be let into; whoever has its link may open copies of it.
    if row.desired.origin == Origin::Capture {
        return pages::captured(&row, Some(query));
    }
    match admit(&gate.workers, &row).await {
        Ok(Some(session)) => walk::begin(gate, preview, host, session, into),
        Ok(None) => pages::link_needed(Some(row.desired.origin)),
        Err(error) => {
            tracing::error!(%preview, error = format!("{error:#}"), "a visitor was not let in");
            pages::try_later()
        }
    }
}

/// Opens a fresh copy of a capture, and leads there.
async fn fork(workers: &Workers, preview: &PreviewId, head: &Parts) -> Response {
    let ports = workers.ports();
    let Ok(Some(row)) = ports.store.preview(preview).await else {
        return pages::unknown();
    };
    if row.desired.origin != Origin::Capture {
        return pages::unknown();
    }
    let query = head.uri.query().unwrap_or_default();
    if !ports.settings.is_local() && !has_token(&row, query) {
        return pages::link_needed(Some(row.desired.origin));
    }
    if !is_from_here(head) {
        return pages::link_needed(Some(row.desired.origin));
    }
    // One after the other, so that none is counted before another is there.
    let _turn = OPENING.lock().await;
    match copies_of(workers, preview).await {
        Ok(open) if open >= COPIES_BY_LINK_MAX => return pages::enough_copies(COPIES_BY_LINK_MAX),
        Ok(_) => {}
        Err(error) => {
            tracing::error!(%preview, %error, "a copy was not opened");
            return pages::try_later();
        }
    }
    let hours = ports.settings.limits.fork_hours_max.min(HOURS_BY_LINK_MAX);
    let asked = fork_capture::CopyBody {
        hours: Some(hours),
        ..fork_capture::CopyBody::default()
    };
    let copy = fork_capture::take_copy(workers, &row, asked, Origin::Fork).await;
    let id = match copy {
        Ok(id) => id,
        Err(refused) => return pages::refused(&refused),
    };
    let Ok(Some(fork)) = ports.store.preview(&id).await else {
        return pages::try_later();
    };
    // Its visitor is there before its worker has looked at it.
    if ports.routes.note(&fork)
        && let Err(error) = ports.routes.publish().await
    {
        tracing::warn!(preview = %id, error, "a copy's host is not in the table yet");
        return pages::try_later();
    }
    match report::url(&ports.settings, &fork) {
        Some(url) => redirect(&url, None),
        None => pages::unknown(),
    }
}

/// How many copies of a capture there are now.
async fn copies_of(workers: &Workers, capture: &PreviewId) -> Result<usize, StoreError> {
    let rows = workers.ports().store.previews().await?;
    let copies = rows.iter().filter(|row| {
        let of = row.desired.parent.as_ref().map(|parent| &parent.preview);
        of == Some(capture) && row.gone_at_ms.is_none()
    });
    Ok(copies.count())
}

/// Whether a browser says that the form was on this same host; programs say nothing.
fn is_from_here(head: &Parts) -> bool {
    let site = head.headers.get("sec-fetch-site");
    site.is_none_or(|site| site == "same-origin")
}

/// Compares digests, so that the time it takes tells nothing about the token.
fn has_token(row: &PreviewRow, query: &str) -> bool {
    let Some(token) = &row.link_token else {
        return false;
    };
    let brought = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("token="));
    brought.is_some_and(|brought| Sha256::digest(brought) == Sha256::digest(token))
}

/// A new session; none where the preview's life is over.
async fn admit(workers: &Workers, row: &PreviewRow) -> anyhow::Result<Option<String>> {
    let ports = workers.ports();
    let session = crate::random::hex::<16>()?;
    let (life, digest) = (row.desired.life, SessionDigest::of(&session));
    let added = ports
        .store
        .add_session(&row.id, life, &digest, wall_ms())
        .await?;
    if !added {
        return Ok(None);
    }
    let admitted = ports.routes.admit(&row.id, &ports.store).await;
    admitted.map_err(anyhow::Error::msg)?;
    Ok(Some(session))
}

/// The session that a visitor brings and that this preview knows.
pub(super) async fn session_of(
    workers: &Workers,
    preview: &PreviewId,
    head: &Parts,
) -> Result<Option<String>, StoreError> {
    let known = workers.ports().store.sessions(preview, wall_ms()).await?;
    let lines = head.headers.get_all(header::COOKIE).iter();
    let brought = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(SESSION_COOKIE)?.strip_prefix('='));
    let mut of_here = brought.filter(|session| known.contains(&SessionDigest::of(session)));
    Ok(of_here.next().map(str::to_owned))
}
