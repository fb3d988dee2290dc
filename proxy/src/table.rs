//! The route table that the control plane gives to the proxy: which host leads where.

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A host name in lookup form: lower case, no port, no trailing dot, at most
/// 253 bytes of `a-z 0-9 - .`, each label 1 to 63 bytes long.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

/// The text is not a valid host name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a host name")]
pub struct HostNameError(String);

impl HostName {
    /// Normalizes `value` to lookup form, or rejects it.
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
    /// The key that activity is counted under and that a drain names; the proxy gives it no
    /// meaning.
    pub key: String,
    /// The destination.
    pub upstream: Upstream,
    /// The visitors that may use it.
    pub access: Access,
    /// Routes with the same group are one application on several hosts: CORS preflights between
    /// them pass without a session. Empty for a route that stands alone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
}

/// The destination of a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Upstream {
    /// A server that speaks HTTP/1.1.
    Address(SocketAddr),
    /// None yet: the proxy puts every request to the Gate.
    Ask,
    /// The control plane itself: the whole request goes to its socket.
    ControlPlane,
}

/// The visitors that may use a route without asking the Gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// Everyone.
    Open,
    /// Visitors with a session cookie that has one of these digests; all others are put to the
    /// Gate. The table holds only digests, so a leaked table grants no access.
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

/// The session cookies, one for each scheme. They are host-only, and the proxy removes them before
/// it forwards a request.
pub(crate) const SESSION_COOKIES: [&str; 2] = ["dayfly_session", "__Host-dayfly_session"];

/// The name of the session cookie for this scheme. Browsers do not let another host set the one for
/// `https`.
pub fn session_cookie(scheme: &str) -> &'static str {
    let [plain, host_only] = SESSION_COOKIES;
    match scheme {
        "https" => host_only,
        _ => plain,
    }
}

/// All routes. Swapped as a whole; a request uses one table from its head to its last byte.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    /// Host to route.
    pub routes: BTreeMap<HostName, Route>,
}

/// The proxy's counters for one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyActivity {
    /// Requests whose response has not been sent completely.
    pub in_flight: u64,
    /// Upgraded connections (WebSocket) that are open.
    pub streams: u64,
    /// Time of the last request, in milliseconds since 1970.
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
