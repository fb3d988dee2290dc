//! The pages that visitors see when there is no preview to show.
//!
//! They have no script and only our own stylesheet. All outside text is escaped.

use askama::Template;
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use jiff::Timestamp;

use super::steps::Step;
use crate::{
    actions::{Code, Refused},
    lifecycle::{Diagnosis, Ending, Origin, Phase, Wanted},
    store::PreviewRow,
    worker::PreviewState,
};

/// How often a page refreshes while the preview changes, and once it failed: its log is being read.
const REFRESH_SECONDS: u32 = 2;
const FAILED_REFRESH_SECONDS: u32 = 15;
/// Seconds that a program is asked to wait before it retries.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// One page.
#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    title: String,
    lead: String,
    refresh_seconds: Option<u32>,
    /// The address to which it refreshes, if not its own.
    again: Option<String>,
    steps: Vec<Step>,
    diagnosis: Option<Diagnosis>,
    form: Option<Form>,
    /// The preview's source: repository, pull request, branch, commit.
    of: Option<String>,
    /// The note of the person that took a capture.
    quote: Option<String>,
}

/// A button.
struct Form {
    action: String,
    label: &'static str,
}

/// A part of a sentence: text, or code that stood between backticks.
struct Part {
    text: String,
    is_code: bool,
}

/// The parts of a sentence, made safe to show. Text and code alternate, text first.
fn parts(words: &str) -> Vec<Part> {
    let plain = crate::text::plain(words);
    // An unpaired backtick is not markup.
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
            tracing::error!(%error, "cannot render a page for a visitor");
            "Dayfly cannot render this page; the server's log says why\n".into_response()
        }
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    let fixed = [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            match page.form {
                // The form's answer redirects to the copy's own host.
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

/// The preview's source, as far as it is known.
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

/// No preview has this host, or the Gate has no such path.
pub(super) fn unknown() -> Response {
    page(
        StatusCode::NOT_FOUND,
        &plain(
            "There is no preview here",
            "This address belongs to no preview on this server. Check it for typing errors, or \
             ask for a new link.",
        ),
    )
}

/// The visitor has no access yet. The origin is the preview's, if it is known.
pub(super) fn link_needed(origin: Option<Origin>) -> Response {
    let lead = match origin {
        // A capture does not run; its link opens copies of it.
        Some(Origin::Capture) => {
            "This captured state opens with its own link, and you need that link each time. \
             `dayfly show` on its server prints it."
                .to_owned()
        }
        _ => format!(
            "This preview opens with {}. Open that link once, and this browser has access for a \
             week. A link that was replaced or has expired does not work.",
            its_link(origin)
        ),
    };
    page(
        StatusCode::FORBIDDEN,
        &plain("You need the preview's link", &lead),
    )
}

/// Where a visitor finds the link of a preview.
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

/// Like [`link_needed`], as plain text for a program.
pub(super) fn link_needed_by_call(origin: Option<Origin>) -> Response {
    let line = format!(
        "this preview opens by link, and the request has no session: open {} once in this \
         browser\n",
        its_link(origin)
    );
    let plain = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (StatusCode::FORBIDDEN, plain, line).into_response()
}

/// The preview serves, but its container accepts no connections.
pub(super) fn unreachable() -> Response {
    let mut shown = plain(
        "The preview does not answer",
        "Its container accepts no connections at the moment. This page refreshes automatically.",
    );
    shown.refresh_seconds = Some(REFRESH_SECONDS);
    page(StatusCode::BAD_GATEWAY, &shown)
}

/// For programs: the preview does not serve yet.
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

/// A capture, with a button that opens a new copy of it.
pub(super) fn captured(row: &PreviewRow, query: Option<&str>) -> Response {
    let ends = row
        .expires_at_ms
        .map(|at| format!(" The captured state is kept until {}.", date(at)));
    let mut shown = plain(
        &format!("{} is a captured state", row.id),
        &format!(
            "The application and its data are kept as they were at one moment. Each copy starts \
             from that state, and your changes stay in your copy.{}",
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

/// Why no copy was opened.
pub(super) fn refused(refused: &Refused) -> Response {
    let status = match refused.code {
        Code::TooMany => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::CONFLICT,
    };
    let why = match refused.code {
        Code::Failed | Code::Full => "The server cannot record the copy. Try again in a moment.",
        _ => &refused.sentence,
    };
    page(status, &plain("Cannot open a copy now", why))
}

/// Which limit on open copies is reached; each with the limit.
pub(super) enum Full {
    /// Of one capture.
    Capture(usize),
    /// Of all captures together.
    All(usize),
    /// Of one visitor.
    Visitor(usize),
}

/// A limit on open copies is reached.
pub(super) fn full(full: &Full) -> Response {
    let open = match full {
        Full::Capture(most) => format!("{most} copies of this capture are already open."),
        Full::All(most) => format!("{most} copies of captures are already open by links."),
        Full::Visitor(most) => format!("You already have {most} open copies of this capture."),
    };
    let why = format!("{open} Try again when one of them has expired.");
    let shown = plain("Cannot open a copy now", &why);
    page(StatusCode::TOO_MANY_REQUESTS, &shown)
}

/// Why a preview does not exist any more.
pub(super) fn gone(row: &PreviewRow) -> Response {
    let lead = match row.desired.wanted {
        Wanted::Nothing(Ending::Merged) => {
            "The pull request was merged, so Dayfly removed the preview and all its data."
        }
        Wanted::Nothing(Ending::Fork) => {
            "This pull request comes from a fork, and Dayfly does not support previews of forks \
             yet."
        }
        Wanted::Nothing(Ending::Expired) if row.expires_at_ms.is_some() => {
            "This preview expired and was removed with all its data."
        }
        Wanted::Nothing(Ending::Expired) => match row.desired.origin {
            Origin::PullRequest => {
                "It was removed because no one pushed or visited for too long. Push to the pull \
                 request to bring it back."
            }
            Origin::Local => {
                "It was removed because no one visited it for too long. Run `dayfly up` to bring \
                 it back."
            }
            Origin::Fork | Origin::Capture | Origin::Database => {
                "It was removed because no one visited it for too long."
            }
        },
        Wanted::Nothing(Ending::Removed) => match row.desired.origin {
            Origin::PullRequest => {
                "It was removed by a user. Close and reopen the pull request to bring it back."
            }
            Origin::Local => "It was removed by a user. Run `dayfly up` to bring it back.",
            Origin::Fork | Origin::Capture | Origin::Database => "It was removed by a user.",
        },
        Wanted::Nothing(Ending::Missing) => {
            "Its pull request no longer exists, so Dayfly removed the preview and all its data."
        }
        Wanted::Nothing(Ending::Closed) | Wanted::Serve(_) | Wanted::Unread => {
            "The pull request was closed, so Dayfly removed the preview. Reopen it to get a new \
             preview with fresh data."
        }
    };
    page(
        StatusCode::GONE,
        &plain(&format!("{} is not available", row.id), lead),
    )
}

/// The phase in words that follow the preview's name.
fn stands(phase: Phase) -> &'static str {
    match phase {
        Phase::Queued => "is queued",
        Phase::Building => "is being built",
        Phase::Starting => "is starting",
        Phase::Live => "is live",
        Phase::Updating => "is being updated",
        Phase::Failed => "failed",
        Phase::Closing => "is being removed",
        Phase::Gone => "was removed",
        Phase::Captured => "is a captured state",
    }
}

/// A preview that does not serve yet, is being removed, or failed.
pub(super) fn standing(state: &PreviewState, steps: Vec<Step>, again: Option<String>) -> Response {
    let summary = &state.summary;
    let failed = summary.phase == Phase::Failed;
    let lead = match (&summary.phase, &summary.waiting_for) {
        (Phase::Failed, _) => {
            "Dayfly cannot run the newest commit. The reason is below.".to_owned()
        }
        (Phase::Closing, _) => "Dayfly is removing its containers and data.".to_owned(),
        (_, Some(what)) => format!("It is waiting for {what}."),
        (Phase::Queued, None) => "Dayfly is about to start it.".to_owned(),
        (Phase::Building, None) => "Dayfly is fetching and building its commit.".to_owned(),
        _ => "Dayfly is starting its databases and services.".to_owned(),
    };
    let shown = Page {
        title: format!("{} {}", state.row.id, stands(summary.phase)),
        lead: format!("{lead} This page refreshes automatically."),
        refresh_seconds: Some(if failed {
            FAILED_REFRESH_SECONDS
        } else {
            REFRESH_SECONDS
        }),
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
