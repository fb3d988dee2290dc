//! Lets a page of a preview read why its call without a session was refused.

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use deploy::names::PreviewId;
use proxy::table::HostName;

use crate::routes::Routes;

/// Allows only pages of the same preview to read this answer.
pub(super) fn let_read(
    mut answer: Response,
    headers: &HeaderMap,
    routes: &Routes,
    preview: &PreviewId,
) -> Response {
    let origin = headers.get(header::ORIGIN);
    let own = origin.filter(|origin| {
        let host = host_of(origin);
        host.and_then(|host| routes.preview_of(&host)).as_ref() == Some(preview)
    });
    let answer_headers = answer.headers_mut();
    answer_headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = own {
        answer_headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let yes = HeaderValue::from_static("true");
        answer_headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
    }
    answer
}

/// The host of an origin.
fn host_of(origin: &HeaderValue) -> Option<HostName> {
    let (scheme, authority) = origin.to_str().ok()?.split_once("://")?;
    let host = authority
        .split_once(':')
        .map_or(authority, |(host, _port)| host);
    HostName::parse(host)
        .ok()
        .filter(|_| matches!(scheme, "http" | "https"))
}
