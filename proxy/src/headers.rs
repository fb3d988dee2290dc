//! Decides which headers cross the proxy, and rebuilds the forwarding headers.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header};

use crate::{
    cookies,
    gate::{self, HEADER_PREFIX},
    table::session_cookie,
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
/// The prefix of headers that only the proxy or the control plane may set.
const REBUILT_PREFIX: &str = "x-forwarded-";

/// Values that are the same for all requests of one connection, computed once.
#[derive(Debug)]
pub(crate) struct Visitor {
    address: HeaderValue,
    peer: HeaderValue,
    /// The `for=` of a Forwarded header.
    forwarded_for: String,
    scheme: HeaderValue,
    /// The name of the session cookie.
    pub(crate) cookie: &'static str,
}

impl Visitor {
    pub(crate) fn new(peer: SocketAddr, scheme: &HeaderValue) -> Self {
        let address = peer.ip().to_canonical();
        let text = |value: String| {
            // Addresses are plain ASCII, so this does not fail.
            HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("unknown"))
        };
        Self {
            address: text(address.to_string()),
            peer: text(SocketAddr::new(address, peer.port()).to_string()),
            forwarded_for: match address {
                IpAddr::V4(v4) => format!("for={v4}"),
                IpAddr::V6(v6) => format!("for=\"[{v6}]\""),
            },
            scheme: scheme.clone(),
            cookie: session_cookie(scheme.to_str().unwrap_or_default()),
        }
    }
}

/// Prepares a visitor's headers for an upstream.
pub(crate) fn for_upstream(headers: &mut HeaderMap, visitor: &Visitor) {
    strip_from_request(headers);
    cookies::strip_session(headers);
    tell_origin(headers, visitor);
}

/// Prepares a visitor's headers for the control plane: keeps cookies and adds details.
pub(crate) fn for_control(headers: &mut HeaderMap, visitor: &Visitor, host: &str) {
    strip_from_request(headers);
    tell_origin(headers, visitor);
    tell_gate(headers, visitor, host, gate::FOR_CONTROL);
}

/// The visitor's own headers that the Gate gets, besides the session.
const GATE_HEARS: [HeaderName; 9] = [
    header::HOST,
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::ORIGIN,
    header::REFERER,
    header::USER_AGENT,
    HeaderName::from_static("sec-fetch-dest"),
    HeaderName::from_static("sec-fetch-mode"),
    HeaderName::from_static("sec-fetch-site"),
];

/// The headers of a request to the Gate, without its body. They are few, however many headers the
/// original request has.
pub(crate) fn for_gate(
    headers: &HeaderMap,
    visitor: &Visitor,
    host: &str,
    reason: &'static str,
) -> HeaderMap {
    let mut asked = HeaderMap::new();
    for name in GATE_HEARS {
        if let Some(value) = headers.get(&name) {
            asked.insert(name, value.clone());
        }
    }
    if let Some(sessions) = cookies::session_line(headers, visitor.cookie) {
        asked.insert(header::COOKIE, sessions);
    }
    tell_origin(&mut asked, visitor);
    tell_gate(&mut asked, visitor, host, gate::FOR_GATE);
    asked.insert(gate::REASON, HeaderValue::from_static(reason));
    asked
}

/// Prepares an upstream's response headers for a visitor of `host`.
pub(crate) fn from_upstream(headers: &mut HeaderMap, host: &str) {
    from_control(headers);
    cookies::tame_set_cookies(headers, host);
}

/// Prepares the control plane's response headers for a visitor.
pub(crate) fn from_control(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    strip_prefixed(headers, &[HEADER_PREFIX]);
    // Previews change by the hour and must stay out of search engines.
    headers.insert(X_ROBOTS_TAG, HeaderValue::from_static("noindex"));
}

/// Whether a request asks for a WebSocket, the only protocol the proxy upgrades to. A request with
/// a body does not count: the bytes after the body could be read in two ways.
pub(crate) fn wants_websocket<B: http_body::Body>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let mut upgrades = headers.get_all(header::UPGRADE).iter();
    request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && request.body().is_end_stream()
        && upgrades.next().is_some_and(is_websocket)
        && upgrades.next().is_none()
        && connection_words(headers).any(|word| word.eq_ignore_ascii_case("upgrade"))
}

/// Whether a response switches to WebSocket.
pub(crate) fn is_websocket_switch(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(is_websocket)
}

/// Adds the WebSocket upgrade headers, after all hop-by-hop headers were removed.
pub(crate) fn insert_websocket(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}

/// Whether a request is a browser navigation, which gets a page instead of a plain-text line.
pub(crate) fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let html = |accept: &HeaderValue| accept.to_str().is_ok_and(|a| a.contains("text/html"));
    matches!(*method, Method::GET | Method::HEAD)
        && headers.get_all(header::ACCEPT).iter().any(html)
}

/// The target in origin form.
pub(crate) fn origin_form(uri: &Uri) -> Uri {
    if uri.scheme().is_none() {
        return uri.clone();
    }
    uri.path_and_query()
        .cloned()
        .map(Uri::from)
        .unwrap_or_default()
}

fn is_websocket(value: &HeaderValue) -> bool {
    value.as_bytes().eq_ignore_ascii_case(b"websocket")
}

fn strip_from_request(headers: &mut HeaderMap) {
    let trailers = headers
        .get_all(header::TE)
        .iter()
        .filter_map(|te| te.to_str().ok())
        .flat_map(|te| te.split(','))
        .any(|word| word.trim().eq_ignore_ascii_case("trailers"));
    strip_hop_by_hop(headers);
    strip_prefixed(headers, &[HEADER_PREFIX, REBUILT_PREFIX]);
    strip_look_alikes(headers);
    headers.remove(header::FORWARDED);
    headers.remove(X_REAL_IP);
    // The proxy answers this itself: the HTTP library sends 100 when the upstream reads the body.
    headers.remove(header::EXPECT);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

/// Removes headers that many servers confuse with ours, because they treat `_` like `-`.
fn strip_look_alikes(headers: &mut HeaderMap) {
    let found: Vec<HeaderName> = headers.keys().filter(looks_like_ours).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

fn looks_like_ours(name: &&HeaderName) -> bool {
    if !name.as_str().contains('_') {
        return false;
    }
    let read = name.as_str().replace('_', "-");
    read.starts_with(HEADER_PREFIX)
        || read.starts_with(REBUILT_PREFIX)
        || read == X_REAL_IP.as_str()
}

fn strip_hop_by_hop(headers: &mut HeaderMap) {
    // A request may not have Host removed, and our own headers are rebuilt afterwards.
    let plain = ["close", "keep-alive", "upgrade", "host", "te", ""];
    let named: Vec<HeaderName> = connection_words(headers)
        .filter(|word| !plain.iter().any(|p| word.eq_ignore_ascii_case(p)))
        .filter_map(|word| HeaderName::from_bytes(word.as_bytes()).ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [
        header::CONNECTION,
        header::TE,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        KEEP_ALIVE,
        PROXY_CONNECTION,
    ] {
        headers.remove(name);
    }
}

fn connection_words(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
}

fn strip_prefixed(headers: &mut HeaderMap, prefixes: &[&str]) {
    let ours = |name: &&HeaderName| prefixes.iter().any(|p| name.as_str().starts_with(p));
    // Nearly always empty; an empty vector does not allocate.
    let found: Vec<HeaderName> = headers.keys().filter(ours).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

/// Adds headers with the visitor's address, scheme and host.
pub(crate) fn tell_origin(headers: &mut HeaderMap, visitor: &Visitor) {
    let Some(host) = headers.get(header::HOST).cloned() else {
        return;
    };
    let mut forwarded = Vec::with_capacity(visitor.forwarded_for.len() + host.len() + 24);
    forwarded.extend_from_slice(visitor.forwarded_for.as_bytes());
    forwarded.extend_from_slice(b";host=\"");
    forwarded.extend_from_slice(host.as_bytes());
    forwarded.extend_from_slice(b"\";proto=");
    forwarded.extend_from_slice(visitor.scheme.as_bytes());
    if let Ok(forwarded) = HeaderValue::from_maybe_shared(bytes::Bytes::from(forwarded)) {
        headers.insert(header::FORWARDED, forwarded);
    }
    headers.insert(X_FORWARDED_FOR, visitor.address.clone());
    headers.insert(X_FORWARDED_HOST, host);
    headers.insert(X_FORWARDED_PROTO, visitor.scheme.clone());
}

fn tell_gate(headers: &mut HeaderMap, visitor: &Visitor, host: &str, purpose: &'static str) {
    headers.insert(gate::FOR, HeaderValue::from_static(purpose));
    headers.insert(gate::CLIENT, visitor.peer.clone());
    headers.insert(gate::SCHEME, visitor.scheme.clone());
    if let Ok(host) = HeaderValue::from_str(host) {
        headers.insert(gate::HOST, host);
    }
}
