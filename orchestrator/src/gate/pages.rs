//! The pages visitors see where there is no preview to show.
//!
//! No script, no style but our own file, nothing from outside unescaped.

use askama::Template;
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};

use crate::{
    lifecycle::{Diagnosis, Ending, Phase, Wanted},
    store::{EventRow, PreviewRow},
    worker::Snapshot,
};

/// How long a page waits before it looks again.
const REFRESH_SECONDS: u32 = 2;
/// How long a program is asked to wait.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// One page.
#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    title: String,
    lead: String,
    refresh_seconds: Option<u32>,
    steps: Vec<Step>,
    diagnosis: Option<Diagnosis>,
}

/// A line of what was done so far.
struct Step {
    name: String,
    took: String,
}

fn page(status: StatusCode, page: &Page) -> Response {
    let body = match page.render() {
        Ok(body) => Html(body).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            "this page could not be made; see the server's log\n".into_response()
        }
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    let fixed = [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if page.refresh_seconds.is_some() {
        headers.insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

fn plain(title: &str, lead: &str) -> Page {
    Page {
        title: title.to_owned(),
        lead: lead.to_owned(),
        refresh_seconds: None,
        steps: Vec::new(),
        diagnosis: None,
    }
}

/// The style of all pages.
pub(super) fn style() -> Response {
    let css = include_str!("../../templates/style.css");
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], css).into_response()
}

/// No preview has this host, or no such path is ours.
pub(super) fn unknown() -> Response {
    page(
        StatusCode::NOT_FOUND,
        &plain("Nothing here", "There is no preview at this address."),
    )
}

/// Access is by link.
pub(super) fn link_needed() -> Response {
    let lead = "This preview opens with the link in its pull request's comment. Open that link \
                once; this browser is then let in for a week.";
    page(StatusCode::FORBIDDEN, &plain("A link is needed", lead))
}

/// The preview serves but does not accept connections right now.
pub(super) fn unreachable() -> Response {
    let mut shown = plain(
        "The preview does not answer",
        "Its container accepts no connections at the moment. This page looks again by itself.",
    );
    shown.refresh_seconds = Some(REFRESH_SECONDS);
    page(StatusCode::BAD_GATEWAY, &shown)
}

/// For programs: not now.
pub(super) fn try_later() -> Response {
    let mut response = (
        StatusCode::SERVICE_UNAVAILABLE,
        "the preview is not ready yet\n",
    )
        .into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}

/// What became of a preview that is gone.
pub(super) fn gone(row: &PreviewRow) -> Response {
    let lead = match row.desired.wanted {
        Wanted::Nothing(Ending::Merged) => {
            "The pull request was merged, and the preview was removed with all its data."
        }
        Wanted::Nothing(Ending::Fork) => {
            "This pull request comes from a fork; previews of forks are not supported yet."
        }
        Wanted::Nothing(Ending::Expired) => {
            "Nobody pushed or visited for too long. A push to the pull request brings it back."
        }
        Wanted::Nothing(Ending::Removed) => {
            "It was removed by hand. Closing and reopening the pull request brings it back."
        }
        _ => "The pull request was closed. Reopening it brings a preview back, with fresh data.",
    };
    page(
        StatusCode::GONE,
        &plain(&format!("{} is gone", row.id), lead),
    )
}

/// A preview on its way, or one that failed.
pub(super) fn standing(snapshot: &Snapshot, events: &[EventRow]) -> Response {
    let summary = &snapshot.summary;
    let failed = summary.phase == Phase::Failed;
    let lead = match (&summary.phase, &summary.waiting_for) {
        (Phase::Failed, _) => "The newest commit cannot be shown. The reason is below.".to_owned(),
        (Phase::Closing, _) => "It is being removed.".to_owned(),
        (_, Some(what)) => format!("It waits for {what}."),
        (Phase::Queued, None) => "It is about to begin.".to_owned(),
        (Phase::Building, None) => "Its commit is fetched and built.".to_owned(),
        _ => "Its databases and services come up.".to_owned(),
    };
    let shown = Page {
        title: format!("{} is {}", snapshot.row.id, summary.phase),
        lead: format!("{lead} This page looks again by itself."),
        refresh_seconds: Some(REFRESH_SECONDS),
        steps: steps(summary.revision, events),
        diagnosis: summary.diagnosis.clone(),
    };
    let status = if failed {
        StatusCode::BAD_GATEWAY
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    page(status, &shown)
}

fn steps(revision: Option<u32>, events: &[EventRow]) -> Vec<Step> {
    events
        .iter()
        .filter(|event| event.revision.is_some() && event.revision == revision)
        .map(|event| Step {
            name: event.step.clone(),
            took: format!("{:.1} s", event.took_ms as f64 / 1000.0),
        })
        .collect()
}
