//! The words between the proxy and the Gate, the control plane's half of a conversation in HTTP/1.1
//! on `gate.sock`.
//!
//! The proxy puts a request to the Gate in one of two ways, told by [`FOR`]:
//!
//! - [`FOR_GATE`]: only the head (method, path, headers) and no body, because a route cannot say
//!   what to do ([`REASON`]). Answered with [`ANSWER`]: [`ANSWER_FORWARD`] and [`UPSTREAM`], the
//!   original request with its body goes there; anything else is the visitor's response. The Gate
//!   may hold the request by answering late.
//! - [`FOR_CONTROL`]: the whole request, streamed both ways, for the control plane itself.
//!
//! No visitor can speak these words: every `dayfly-` header they send is removed, and so is every
//! one in an answer.

use http::HeaderName;

/// What the request is for: [`FOR_GATE`] or [`FOR_CONTROL`].
pub const FOR: HeaderName = HeaderName::from_static("dayfly-for");
/// A head, put to the Gate for a decision.
pub const FOR_GATE: &str = "gate";
/// A whole request to the control plane.
pub const FOR_CONTROL: &str = "control";

/// Why the Gate is asked: one of the `REASON_` words.
pub const REASON: HeaderName = HeaderName::from_static("dayfly-reason");
/// The route has no upstream; access was granted.
pub const REASON_ASK: &str = "ask";
/// The visitor brought no session that the route knows.
pub const REASON_ACCESS: &str = "access";
/// The path is the Gate's own ([`PATH_PREFIX`]). Access was not decided; the cookies are there.
pub const REASON_PATH: &str = "path";
/// The upstream did not accept a connection; access was granted. Asked for navigations only, and
/// without the session cookie, which was taken off on the way to the upstream.
pub const REASON_UNREACHABLE: &str = "unreachable";

/// The host that was looked up, in the form of [`crate::table::HostName`].
pub const HOST: HeaderName = HeaderName::from_static("dayfly-host");
/// The visitor's address and port.
pub const CLIENT: HeaderName = HeaderName::from_static("dayfly-client");
/// The scheme the visitor uses: `http` or `https`.
pub const SCHEME: HeaderName = HeaderName::from_static("dayfly-scheme");

/// In the Gate's response: what to do with the request.
pub const ANSWER: HeaderName = HeaderName::from_static("dayfly-gate");
/// Forward the original request to [`UPSTREAM`].
pub const ANSWER_FORWARD: &str = "forward";
/// In the Gate's response: where to forward to, as `ip:port`.
pub const UPSTREAM: HeaderName = HeaderName::from_static("dayfly-upstream");

/// Paths under this prefix belong to the Gate on every host but the control plane's own.
pub const PATH_PREFIX: &str = "/.dayfly/";
/// What every header of ours begins with.
pub const HEADER_PREFIX: &str = "dayfly-";
