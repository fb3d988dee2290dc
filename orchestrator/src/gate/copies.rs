//! Copies of a capture that visitors open with its link.

use std::collections::BTreeSet;

use axum::{http::request::Parts, response::Response};
use deploy::names::PreviewId;
use proxy::table::SessionDigest;

use super::{
    openers::{is_copy_of, is_open},
    pages::{self, Full},
    proof::{has_token, session_of},
    state::Gate,
    walk::redirect,
};
use crate::{
    actions::{Caller, CopyRequest, fork_capture},
    forge::report,
    lifecycle::Origin,
    store::{PreviewRow, StoreError},
    worker::Ports,
};

/// Limits that keep one link from using up the host: open copies of one capture, open copies of one
/// visitor, and the lifetime of a copy in hours.
const OPEN_MAX: usize = 5;
const OPEN_BY_VISITOR_MAX: usize = 2;
const HOURS_MAX: u64 = 8;

/// Creates a copy of a capture and redirects the visitor to it.
pub(super) async fn open(gate: &Gate, preview: &PreviewId, head: &Parts) -> Response {
    let ports = gate.workers.ports();
    let Ok(Some(row)) = ports.store.preview(preview).await else {
        return pages::unknown();
    };
    if row.desired.origin != Origin::Capture {
        return pages::unknown();
    }
    let query = head.uri.query().unwrap_or_default();
    let may = ports.settings.is_local() || has_token(&ports.settings, &row, query);
    if !may || !is_from_here(head) {
        return pages::link_needed(Some(row.desired.origin));
    }
    // One request at a time, so that each count includes the copies of earlier requests.
    let _turn = gate.openers.turn.lock().await;
    let visitor = match room(gate, preview, head).await {
        Ok(Ok(visitor)) => visitor,
        Ok(Err(full)) => return full,
        Err(error) => {
            tracing::error!(
                %preview,
                %error,
                "cannot count the open copies of a capture; no copy is created"
            );
            return pages::try_later();
        }
    };
    let hours = ports.settings.limits.fork_hours_max.min(HOURS_MAX);
    let request = CopyRequest {
        hours: Some(hours),
        ..CopyRequest::default()
    };
    match fork_capture::fork(Caller::Visitor, &gate.workers, &row, request).await {
        Ok(id) => {
            gate.openers.note(id.clone(), visitor);
            lead(ports, &id).await
        }
        Err(refused) => pages::refused(&refused),
    }
}

/// The visitor's session if another copy is allowed, else the page that says why not.
async fn room(
    gate: &Gate,
    capture: &PreviewId,
    head: &Parts,
) -> Result<Result<Option<SessionDigest>, Response>, StoreError> {
    let ports = gate.workers.ports();
    let rows = ports.store.previews().await?;
    let open = rows
        .iter()
        .filter(|row| is_open(row) && is_copy_of(row, capture));
    if open.count() >= OPEN_MAX {
        return Ok(Err(pages::full(&Full::Capture(OPEN_MAX))));
    }
    // Links of several captures must leave places for forks that the team makes itself.
    let share = ports.settings.limits.forks_max.div_ceil(2);
    if copies_of_captures(&rows) >= share {
        return Ok(Err(pages::full(&Full::All(share))));
    }
    let session = session_of(&gate.workers, capture, head).await?;
    let visitor = session.as_deref().map(SessionDigest::of);
    let opened = gate.openers.opened_by(visitor.as_ref(), capture, &rows);
    // Without links there are no sessions, and all visitors are users of this host.
    if opened >= OPEN_BY_VISITOR_MAX && !ports.settings.is_local() {
        return Ok(Err(pages::full(&Full::Visitor(OPEN_BY_VISITOR_MAX))));
    }
    Ok(Ok(visitor))
}

/// The number of open copies of all captures together.
fn copies_of_captures(rows: &[PreviewRow]) -> usize {
    let captures: BTreeSet<&PreviewId> = rows
        .iter()
        .filter(|row| row.desired.origin == Origin::Capture)
        .map(|row| &row.id)
        .collect();
    let of_capture = |row: &&PreviewRow| {
        let parent = row.desired.parent.as_ref();
        is_open(row) && parent.is_some_and(|parent| captures.contains(&parent.preview))
    };
    rows.iter().filter(of_capture).count()
}

/// Publishes the copy's host and redirects to it: the visitor arrives before the worker's first
/// pass.
async fn lead(ports: &Ports, id: &PreviewId) -> Response {
    let Ok(Some(copy)) = ports.store.preview(id).await else {
        return pages::try_later();
    };
    if let Err(error) = ports.routes.announce(&copy).await {
        tracing::warn!(
            preview = %id,
            error,
            "cannot publish the host of a new copy; the visitor is asked to retry"
        );
        return pages::try_later();
    }
    match report::url(&ports.settings, &copy) {
        Some(url) => redirect(&url, None),
        None => pages::unknown(),
    }
}

/// Whether the form was on this host, as far as the browser says; programs say nothing.
fn is_from_here(head: &Parts) -> bool {
    let site = head.headers.get("sec-fetch-site");
    site.is_none_or(|site| site == "same-origin")
}
