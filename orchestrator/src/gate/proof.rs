//! A visitor's proof of access to a preview: the token of its link, or a session.

use axum::http::{header, request::Parts};
use deploy::names::PreviewId;
use proxy::table::{SessionDigest, session_cookie};
use sha2::{Digest as _, Sha256};

use crate::{
    clock::wall_ms,
    config::Settings,
    store::{PreviewRow, StoreError},
    worker::Workers,
};

/// Whether the query holds the token of the preview's link and the link has not expired. Compares
/// digests, so that the timing reveals nothing about the token.
pub(super) fn has_token(settings: &Settings, row: &PreviewRow, query: &str) -> bool {
    if row.link_expires_at_ms.is_some_and(|at| at <= wall_ms()) {
        return false;
    }
    let token = row.link_token(&settings.link_key);
    let brought = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("token="));
    brought.is_some_and(|brought| Sha256::digest(brought) == Sha256::digest(token))
}

/// The session in the visitor's cookies, if this preview has it.
pub(super) async fn session_of(
    workers: &Workers,
    preview: &PreviewId,
    head: &Parts,
) -> Result<Option<String>, StoreError> {
    let ports = workers.ports();
    let name = session_cookie(&ports.settings.public_scheme);
    let known = ports.store.sessions(preview, wall_ms()).await?;
    let lines = head.headers.get_all(header::COOKIE).iter();
    let brought = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
    let mut of_here = brought.filter(|session| known.contains(&SessionDigest::of(session)));
    Ok(of_here.next().map(str::to_owned))
}
