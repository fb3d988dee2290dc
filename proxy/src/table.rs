//! The words the control plane and the proxy share: which host leads where.

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A host name in the one form that is looked up: lower case, no port, no trailing dot, at most
/// 253 bytes of `a-z 0-9 - .`, each label 1 to 63 long.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

/// A host name that cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a host name")]
pub struct HostNameError(String);

impl HostName {
    /// Brings `value` into the one form, or refuses it.
    pub fn parse(value: &str) -> Result<Self, HostNameError> {
        let refused = || HostNameError(value.chars().take(80).collect());
        let lower = value
            .strip_suffix('.')
            .unwrap_or(value)
            .to_ascii_lowercase();
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && l.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if lower.len() <= 253 && lower.split('.').all(label) {
            Ok(Self(lower))
        } else {
            Err(refused())
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for HostName {
    type Error = HostNameError;
    fn try_from(value: String) -> Result<Self, HostNameError> {
        Self::parse(&value)
    }
}

impl From<HostName> for String {
    fn from(host: HostName) -> String {
        host.0
    }
}

/// Where requests for one host go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// What activity is counted under and what is drained; the proxy gives it no meaning.
    pub key: String,
    /// Where to.
    pub upstream: Upstream,
    /// Who may.
    pub access: Access,
    /// Routes with the same word here are one application on several hosts: a browser may ask, without a
    /// session, whether a page of one may call another. Empty for a route that stands alone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
}

/// The far end of a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Upstream {
    /// A server that speaks HTTP/1.1.
    Address(SocketAddr),
    /// Nowhere yet: every request is put to the Gate.
    Ask,
    /// The control plane itself: the whole request goes to its socket.
    ControlPlane,
}

/// Who may use a route without the Gate being asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// Everybody.
    Open,
    /// Whoever brings the session cookie with one of these digests; everybody else is put to the
    /// Gate. The table holds digests only, so that reading it opens nothing.
    Sessions(Vec<SessionDigest>),
}

/// SHA-256 of a session cookie's value, in hex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionDigest(String);

impl SessionDigest {
    /// The digest of a cookie's value.
    pub fn of(cookie_value: &str) -> Self {
        Self(hex::encode(Sha256::digest(cookie_value.as_bytes())))
    }

    /// The hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The cookies that carry a session, one for each scheme. Host-only; taken off the request before it
/// goes upstream.
pub(crate) const SESSION_COOKIES: [&str; 2] = ["dayfly_session", "__Host-dayfly_session"];

/// The name of the cookie that carries a session where visitors use this scheme. Browsers let nobody
/// set the one of `https` for another host than their own.
pub fn session_cookie(scheme: &str) -> &'static str {
    let [plain, host_only] = SESSION_COOKIES;
    match scheme {
        "https" => host_only,
        _ => plain,
    }
}

/// All routes. Swapped as a whole; a request sees one table from its head to its last byte.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    /// Host to route.
    pub routes: BTreeMap<HostName, Route>,
}

/// What the proxy counts under one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyActivity {
    /// Requests whose response has not been sent to its last byte.
    pub in_flight: u64,
    /// Upgraded connections (WebSocket) that are open.
    pub streams: u64,
    /// When the last request came, in milliseconds since 1970.
    pub last_request_unix_ms: Option<u64>,
}

/// Activity by key.
pub type Activity = BTreeMap<String, KeyActivity>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{HostName, RouteTable};

    proptest! {
        #[test]
        fn a_host_name_is_brought_into_one_form_once(text in "[a-zA-Z0-9.-]{0,12}|\\PC{0,300}") {
            if let Ok(host) = HostName::parse(&text) {
                prop_assert_eq!(HostName::parse(host.as_str()), Ok(host.clone()));
                let written = serde_json::to_string(&host).unwrap();
                prop_assert_eq!(serde_json::from_str::<HostName>(&written).unwrap(), host);
            }
        }
    }

    #[test]
    fn a_table_with_a_host_that_is_not_in_that_form_is_refused() {
        let table = |host: &str| {
            format!(r#"{{"routes":{{"{host}":{{"key":"k","upstream":"Ask","access":"Open"}}}}}}"#)
        };
        assert!(serde_json::from_str::<RouteTable>(&table("a.test")).is_ok());
        assert!(serde_json::from_str::<RouteTable>(&table("a test")).is_err());
    }
}
