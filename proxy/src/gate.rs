//! The protocol between the proxy and the Gate (part of the control plane): HTTP/1.1 on
//! `gate.sock`.
//!
//! The proxy sends a request to the Gate in one of two ways, marked by [`FOR`]:
//!
//! - [`FOR_GATE`]: only the head (method, path, headers) without the body, because the route cannot
//!   decide ([`REASON`]). If the answer carries [`ANSWER`]: [`ANSWER_FORWARD`] and [`UPSTREAM`],
//!   the proxy forwards the original request with its body there. Any other answer goes to the
//!   visitor. The Gate may hold the request by answering late.
//! - [`FOR_CONTROL`]: the whole request, streamed both ways, for the control plane itself.
//!
//! Visitors cannot use this protocol: the proxy removes every `dayfly-` header from their requests
//! and from all answers.

use http::HeaderName;

/// What the request is for: [`FOR_GATE`] or [`FOR_CONTROL`].
pub const FOR: HeaderName = HeaderName::from_static("dayfly-for");
/// A head that the Gate decides on.
pub const FOR_GATE: &str = "gate";
/// A whole request for the control plane.
pub const FOR_CONTROL: &str = "control";

/// Why the Gate is asked: one of the `REASON_` words.
pub const REASON: HeaderName = HeaderName::from_static("dayfly-reason");
/// The route has no upstream; access was granted.
pub const REASON_ASK: &str = "ask";
/// The request has no session that the route accepts.
pub const REASON_ACCESS: &str = "access";
/// The path belongs to the Gate ([`PATH_PREFIX`]). Access is not decided; cookies are included.
pub const REASON_PATH: &str = "path";
/// The upstream refused the connection; access was granted. Sent for navigations only, without the
/// session cookie, which was already removed for the upstream.
pub const REASON_UNREACHABLE: &str = "unreachable";

/// The host that was looked up, as a [`crate::table::HostName`].
pub const HOST: HeaderName = HeaderName::from_static("dayfly-host");
/// The visitor's address and port.
pub const CLIENT: HeaderName = HeaderName::from_static("dayfly-client");
/// The scheme the visitor uses: `http` or `https`.
pub const SCHEME: HeaderName = HeaderName::from_static("dayfly-scheme");

/// In the Gate's response: the decision about the request.
pub const ANSWER: HeaderName = HeaderName::from_static("dayfly-gate");
/// Forward the original request to [`UPSTREAM`].
pub const ANSWER_FORWARD: &str = "forward";
/// In the Gate's response: where to forward to, as `ip:port`.
pub const UPSTREAM: HeaderName = HeaderName::from_static("dayfly-upstream");

/// Paths under this prefix belong to the Gate on every host but the control plane's own.
pub const PATH_PREFIX: &str = "/.dayfly/";
/// The prefix of every header of this protocol.
pub const HEADER_PREFIX: &str = "dayfly-";
