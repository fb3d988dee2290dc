//! The pages visitors see where there is no preview to show.
//!
//! No script, no style but our own file, nothing from outside unescaped.

use askama::Template;
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use jiff::Timestamp;

use super::steps::Step;
use crate::{
    lifecycle::{Diagnosis, Ending, Origin, Phase, Wanted},
    preview::fork_capture::Refused,
    store::PreviewRow,
    worker::PreviewState,
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
    /// Where it looks again, if not at its own address.
    again: Option<String>,
    steps: Vec<Step>,
    diagnosis: Option<Diagnosis>,
    form: Option<Form>,
    /// Whose preview: repository, pull request, branch, commit.
    of: Option<String>,
    /// Somebody's own words about it.
    quote: Option<String>,
}

/// A button.
struct Form {
    action: String,
    label: &'static str,
}

/// A part of a sentence: code stands between backticks.
struct Part {
    text: String,
    is_code: bool,
}

/// The parts of a sentence, made harmless; odd ones are code.
fn parts(words: &str) -> Vec<Part> {
    let plain = crate::text::plain(words);
    // A backtick without its other one is none.
    let is_paired = plain.matches('`').count().is_multiple_of(2);
    let pieces: Vec<&str> = match is_paired {
        true => plain.split('`').collect(),
        false => vec![&plain],
    };
    let part = |(at, text): (usize, &&str)| Part {
        text: (*text).to_owned(),
        is_code: at % 2 == 1,
    };
    pieces.iter().enumerate().map(part).collect()
}

const PLAIN_POLICY: &str = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const FORM_POLICY: &str =
    "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action *";

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
            match page.form {
                // Its answer leads on to the copy's own host.
                Some(_) => FORM_POLICY,
                None => PLAIN_POLICY,
            },
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
        again: None,
        steps: Vec::new(),
        diagnosis: None,
        form: None,
        of: None,
        quote: None,
    }
}

/// Whose preview it is, as far as that is known.
fn of(row: &PreviewRow) -> Option<String> {
    let repository = row
        .repository
        .as_ref()
        .map(|repository| repository.name.to_string());
    let number = row.number.map(|number| format!("#{}", number.0));
    let head = match &row.desired.wanted {
        Wanted::Serve(head) => Some(head),
        Wanted::Nothing(_) | Wanted::Unread => None,
    };
    let branch = head.map(|head| head.branch.clone());
    let commit = head.map(|head| head.commit.short().to_owned());
    let parts = [
        repository.map(|name| name + &number.unwrap_or_default()),
        branch,
        commit,
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

/// A day, as `2026-11-30`; UTC.
fn date(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok();
    let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
    at.unwrap_or_default().strftime("%Y-%m-%d").to_string()
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
        &plain(
            "Nothing here",
            "There is no preview at this address. It may be misspelt, or of a preview whose name was never used here.",
        ),
    )
}

/// Access is by link. The origin is the preview's, where it can be read.
pub(super) fn link_needed(origin: Option<Origin>) -> Response {
    let lead = match origin {
        // A capture lets nobody in; its link opens copies of it.
        Some(Origin::Capture) => {
            "This captured state opens with its own link, each time. `dayfly show` on its server prints it."
                .to_owned()
        }
        _ => format!(
            "This preview opens with {}. Open that link once; this browser is then let in for a week.",
            its_link(origin)
        ),
    };
    page(StatusCode::FORBIDDEN, &plain("A link is needed", &lead))
}

/// Where people find the link of a preview.
fn its_link(origin: Option<Origin>) -> &'static str {
    match origin {
        Some(Origin::PullRequest) => "the link in its pull request's comment",
        Some(Origin::Local) => {
            "the link that `dayfly up` printed (`dayfly show` on its server prints it again)"
        }
        Some(Origin::Fork | Origin::Capture | Origin::Database) | None => {
            "its own link (`dayfly show` on its server prints it)"
        }
    }
}

/// The same for a program.
pub(super) fn link_needed_by_call(origin: Option<Origin>) -> Response {
    let line = format!(
        "this preview opens by link, and the call brought no session: open {} once in this browser\n",
        its_link(origin)
    );
    let plain = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (StatusCode::FORBIDDEN, plain, line).into_response()
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

/// A capture: each press of its button opens a copy of exactly that state.
pub(super) fn captured(row: &PreviewRow, query: Option<&str>) -> Response {
    let ends = row
        .expires_at_ms
        .map(|at| format!(" It is kept until {}.", date(at)));
    let mut shown = plain(
        &format!("{} is a captured state", row.id),
        &format!(
            "Application and data are kept as they were at one moment. Each copy starts from \
             exactly that, and what you do in it changes nobody else's.{}",
            ends.unwrap_or_default()
        ),
    );
    shown.of = of(row);
    shown.quote.clone_from(&row.note);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    shown.form = Some(Form {
        action: format!("/.dayfly/fork{query}"),
        label: "Open a fresh copy",
    });
    page(StatusCode::OK, &shown)
}

/// No copy, and why.
pub(super) fn refused(refused: &Refused) -> Response {
    let status = match refused {
        Refused::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::CONFLICT,
    };
    let why = match refused {
        Refused::Store(_) => "Please try again in a moment.".to_owned(),
        told => told.to_string(),
    };
    page(status, &plain("No copy now", &why))
}

/// As many copies of a capture are open as visitors may open.
pub(super) fn enough_copies(most: usize) -> Response {
    let why = format!("{most} copies of it are open already; one of them has to go first.");
    page(StatusCode::TOO_MANY_REQUESTS, &plain("No copy now", &why))
}

/// As many copies of captures are open as links may open of all captures together.
pub(super) fn enough_copies_of_all(most: usize) -> Response {
    let why = format!(
        "{most} copies of captures are open already. Links may open no more until one of them is removed."
    );
    page(StatusCode::TOO_MANY_REQUESTS, &plain("No copy now", &why))
}

/// As many copies of a capture are open as one visitor may open.
pub(super) fn enough_copies_of_yours(most: usize) -> Response {
    let why =
        format!("{most} copies that you opened are still there; one of them has to go first.");
    page(StatusCode::TOO_MANY_REQUESTS, &plain("No copy now", &why))
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
        Wanted::Nothing(Ending::Expired) if row.expires_at_ms.is_some() => {
            "Its time was over, and it was removed with all its data."
        }
        Wanted::Nothing(Ending::Expired) => match row.desired.origin {
            Origin::PullRequest => {
                "Nobody pushed or visited for too long. A push to the pull request brings it back."
            }
            Origin::Local => "Nobody visited for too long. `dayfly up` brings it back.",
            Origin::Fork | Origin::Capture | Origin::Database => "Nobody visited for too long.",
        },
        Wanted::Nothing(Ending::Removed) => match row.desired.origin {
            Origin::PullRequest => {
                "It was removed by hand. Closing and reopening the pull request brings it back."
            }
            Origin::Local => "It was removed by hand. `dayfly up` brings it back.",
            Origin::Fork | Origin::Capture | Origin::Database => "It was removed by hand.",
        },
        Wanted::Nothing(Ending::Missing) => "The forge no longer knows its pull request.",
        Wanted::Nothing(Ending::Closed) | Wanted::Serve(_) | Wanted::Unread => {
            "The pull request was closed. Reopening it brings a preview back, with fresh data."
        }
    };
    page(
        StatusCode::GONE,
        &plain(&format!("{} is gone", row.id), lead),
    )
}

/// Where a preview stands, to follow its name.
fn stands(phase: Phase) -> &'static str {
    match phase {
        Phase::Queued => "waits",
        Phase::Building => "is being built",
        Phase::Starting => "is starting",
        Phase::Live => "is live",
        Phase::Updating => "is being updated",
        Phase::Failed => "failed",
        Phase::Closing => "is being removed",
        Phase::Gone => "is gone",
        Phase::Captured => "is a captured state",
    }
}

/// A preview on its way, or one that failed.
pub(super) fn standing(state: &PreviewState, steps: Vec<Step>, again: Option<String>) -> Response {
    let summary = &state.summary;
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
        title: format!("{} {}", state.row.id, stands(summary.phase)),
        lead: format!("{lead} This page looks again by itself."),
        refresh_seconds: Some(REFRESH_SECONDS),
        again,
        steps,
        diagnosis: summary.diagnosis.clone(),
        of: of(&state.row),
        ..plain("", "")
    };
    let status = if failed {
        StatusCode::BAD_GATEWAY
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    page(status, &shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_previews_of_pull_requests_send_people_to_a_pull_request() {
        for (origin, way) in [
            (Some(Origin::PullRequest), "pull request's comment"),
            (Some(Origin::Local), "`dayfly up` printed"),
            (Some(Origin::Fork), "`dayfly show`"),
            (Some(Origin::Capture), "`dayfly show`"),
            (None, "its own link"),
        ] {
            let link = its_link(origin);
            assert!(link.contains(way), "{link}");
            let of_pull_request = origin == Some(Origin::PullRequest);
            assert_eq!(link.contains("pull request"), of_pull_request, "{link}");
        }
    }
}
