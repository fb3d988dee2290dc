//! Redirects a visitor through all hosts of a preview, so that one link opens all of them.
//!
//! Each public service has its own host, and a browser keeps a cookie for one host only. So the
//! Gate redirects an admitted visitor from host to host. Each host sets the session cookie, and the
//! last redirect leads to the target of the link.

use axum::{
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use deploy::names::PreviewId;
use proxy::{
    gate::PATH_PREFIX,
    table::{HostName, session_cookie},
};
use tokio::time::Instant;

use super::{
    codes::Walk,
    pages,
    state::{Gate, origin_of},
};
use crate::{config::Settings, store::SESSION_LIFETIME};

/// The path that redeems a code, below the Gate's own prefix.
pub(super) const ENTER: &str = "enter";

/// Sets the session at `host`, redirects the visitor through the other hosts of the preview, and
/// then back to the path.
pub(super) fn begin(
    gate: &Gate,
    preview: &PreviewId,
    host: &HostName,
    session: String,
    path: &str,
) -> Response {
    let ports = gate.workers.ports();
    let mut hosts = ports.routes.hosts(preview);
    hosts.retain(|other| other != host);
    let end = match hosts.is_empty() {
        true => path.to_owned(),
        false => format!("{}{path}", ports.settings.url(host.as_str())),
    };
    let preview = preview.clone();
    let walk = Walk {
        preview,
        session,
        hosts,
        end,
    };
    go_on(gate, walk)
}

/// Redeems a visitor's code and redirects to the next host.
pub(super) async fn enter(
    gate: &Gate,
    preview: &PreviewId,
    host: &HostName,
    head: &Parts,
) -> Response {
    let query = head.uri.query().unwrap_or_default();
    let code = query.split('&').find_map(|pair| pair.strip_prefix("code="));
    let walk = code.and_then(|code| gate.codes.redeem(code, host, Instant::now()));
    match walk.filter(|walk| walk.preview == *preview) {
        Some(walk) => go_on(gate, walk),
        None => pages::link_needed(origin_of(&gate.workers, preview).await),
    }
}

fn go_on(gate: &Gate, walk: Walk) -> Response {
    let settings = &gate.workers.ports().settings;
    let cookie = cookie(&walk.session, settings);
    match next(gate, settings, walk) {
        Ok(next) => redirect(&next, Some(cookie)),
        Err(error) => {
            tracing::error!(
                error = format!("{error:#}"),
                "cannot issue a one-time code; the visitor is asked to retry"
            );
            pages::try_later()
        }
    }
}

fn next(gate: &Gate, settings: &Settings, walk: Walk) -> anyhow::Result<String> {
    let Some(host) = walk.hosts.last() else {
        return Ok(walk.end);
    };
    let url = settings.url(host.as_str());
    let code = gate.codes.issue(walk, Instant::now())?;
    Ok(format!("{url}{PATH_PREFIX}{ENTER}?code={code}"))
}

/// The `Set-Cookie` value that gives a browser the session at the requested host.
pub(super) fn cookie(session: &str, settings: &Settings) -> String {
    let name = session_cookie(&settings.public_scheme);
    let secure = match settings.public_scheme.as_str() {
        "https" => "; Secure",
        _ => "",
    };
    let seconds = SESSION_LIFETIME.as_secs();
    format!("{name}={session}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
}

/// A redirect that is not cached and sends no referrer.
pub(super) fn redirect(to: &str, cookie: Option<String>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    if let Ok(to) = HeaderValue::from_str(to) {
        headers.insert(header::LOCATION, to);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    match cookie {
        Some(cookie) => with_cookie(response, &cookie),
        None => response,
    }
}

/// Adds a `Set-Cookie` header to the response.
pub(super) fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Limits, LinkKey};

    #[test]
    fn under_https_browsers_keep_the_session_for_its_own_host_alone() {
        let data = tempfile::tempdir().unwrap();
        let settings = |scheme: &str| Settings {
            domain: "previews.example".to_owned(),
            control_host: "dayfly.previews.example".to_owned(),
            public_scheme: scheme.to_owned(),
            public_port: 443,
            repositories: Vec::new(),
            logs: "logs".into(),
            link_key: LinkKey::make(data.path()).unwrap(),
            limits: Limits::default(),
        };
        let https = cookie("s", &settings("https"));
        assert!(https.starts_with("__Host-dayfly_session=s; Path=/; HttpOnly"));
        assert!(https.ends_with("; Secure") && !https.contains("Domain"));
        let plain = cookie("s", &settings("http"));
        assert!(plain.starts_with("dayfly_session=s; ") && !plain.contains("Secure"));
    }
}
