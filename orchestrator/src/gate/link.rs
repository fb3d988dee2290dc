//! Access by link: the token in the first address is exchanged for a session of this host alone.

use axum::{
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use deploy::names::PreviewId;
use proxy::table::{SESSION_COOKIE, SessionDigest};
use sha2::{Digest as _, Sha256};

use super::pages;
use crate::{
    store::{PreviewRow, SESSION_LIFETIME},
    worker::{Registry, wall_ms},
};

/// Answers a path under the Gate's own prefix.
pub(super) async fn answer(registry: &Registry, preview: &PreviewId, head: &Parts) -> Response {
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/.dayfly/open") => open(registry, preview, head).await,
        (&Method::GET, "/.dayfly/style.css") => pages::style(),
        _ => pages::unknown(),
    }
}

/// Exchanges the token. The answer leads to the preview's root, so that the token is in no
/// address that a page of the preview could read.
async fn open(registry: &Registry, preview: &PreviewId, head: &Parts) -> Response {
    let ports = registry.ports();
    let Ok(Some(row)) = ports.store.preview(preview).await else {
        return pages::unknown();
    };
    if ports.settings.is_local() {
        return redirect(None);
    }
    if !has_token(&row, head.uri.query().unwrap_or_default()) {
        return pages::link_needed();
    }
    match admit(registry, &row).await {
        Ok(session) => redirect(Some(cookie(&session, &ports.settings.public_scheme))),
        Err(error) => {
            tracing::error!(%preview, error = format!("{error:#}"), "a visitor was not let in");
            pages::try_later()
        }
    }
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

async fn admit(registry: &Registry, row: &PreviewRow) -> anyhow::Result<String> {
    let ports = registry.ports();
    let session = crate::random::hex::<16>()?;
    ports
        .store
        .add_session(&row.id, &SessionDigest::of(&session), wall_ms())
        .await?;
    let sessions = ports.store.sessions(&row.id, wall_ms()).await?;
    ports
        .routes
        .admit(&row.id, sessions)
        .await
        .map_err(anyhow::Error::msg)?;
    Ok(session)
}

fn cookie(session: &str, scheme: &str) -> String {
    let secure = if scheme == "https" { "; Secure" } else { "" };
    let seconds = SESSION_LIFETIME.as_secs();
    format!("{SESSION_COOKIE}={session}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
}

fn redirect(cookie: Option<String>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_static("/"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    if let Some(value) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        headers.insert(header::SET_COOKIE, value);
    }
    response
}
