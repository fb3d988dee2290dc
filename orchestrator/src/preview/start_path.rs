//! The path of an application that a copy's link opens.
//!
//! It becomes the target of a redirect, so it must stay on the copy's own host. A browser reads
//! `//host` and `/\host` as other hosts, and drops tabs and line ends first.

use std::{fmt, str::FromStr};

use proxy::gate::PATH_PREFIX;
use serde::{Deserialize, Serialize};

use crate::text;

/// Maximum length in characters: some servers reject longer addresses.
const CHARS_MAX: usize = 500;

/// A path of an application, including its query and fragment: `/cart?item=7#total`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StartPath(String);

/// Why a text is not a valid start path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartPathError {
    /// It is not absolute, or names a host.
    #[error(
        "the path {0:?} must begin with exactly one `/` and contain no host, as in /cart?item=7; \
         copy the part after the host from the browser's address bar"
    )]
    NotOfThisHost(String),
    /// It has characters that an address must not contain.
    #[error(
        "the path {0:?} contains characters that must be percent-encoded, as in /caf%C3%A9; \
         copy it from the browser's address bar"
    )]
    NotEncoded(String),
    /// It is too long.
    #[error("the path has {0} characters; the limit is {CHARS_MAX}")]
    TooLong(usize),
    /// It has `.` or `..` segments, which hide its real target.
    #[error("the path {0:?} contains a `.` or `..` segment; write the path without it")]
    Winding(String),
    /// It is below Dayfly's own prefix.
    #[error("the path {0:?} is reserved: Dayfly itself answers paths below {PATH_PREFIX}")]
    Ours(String),
}

impl StartPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StartPath {
    type Err = StartPathError;

    fn from_str(path: &str) -> Result<Self, StartPathError> {
        let asked = || text::asked(path);
        let length = path.chars().count();
        if length > CHARS_MAX {
            return Err(StartPathError::TooLong(length));
        }
        let after_slash = path.strip_prefix('/');
        if after_slash.is_none_or(|rest| rest.starts_with(['/', '\\'])) {
            return Err(StartPathError::NotOfThisHost(asked()));
        }
        if !path.chars().all(may_stand_in_address) {
            return Err(StartPathError::NotEncoded(asked()));
        }
        if segments(path).any(is_dots) {
            return Err(StartPathError::Winding(asked()));
        }
        if path.starts_with(PATH_PREFIX) {
            return Err(StartPathError::Ours(asked()));
        }
        Ok(Self(path.to_owned()))
    }
}

impl TryFrom<String> for StartPath {
    type Error = StartPathError;

    fn try_from(path: String) -> Result<Self, StartPathError> {
        path.parse()
    }
}

impl From<StartPath> for String {
    fn from(path: StartPath) -> Self {
        path.0
    }
}

impl fmt::Display for StartPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether RFC 3986 allows the character, or browsers leave it unencoded in paths and queries.
fn may_stand_in_address(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%|{}^`".contains(c)
}

/// The parts between slashes, without query and fragment.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let end = path.find(['?', '#']).unwrap_or(path.len());
    path[..end].split('/')
}

/// Whether browsers remove this segment, perhaps together with the one before it.
fn is_dots(segment: &str) -> bool {
    matches!(
        segment.to_ascii_lowercase().replace("%2e", ".").as_str(),
        "." | ".."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_queries_and_fragments_are_led_to_as_they_are() {
        for path in [
            "/",
            "/cart?item=7&of[]=2#total",
            "/#/orders/3",
            "/caf%C3%A9",
            "/a//b",
            "/search?f={a|b}&up=../..",
            "/.dayflyer",
            "/a.b/..c",
        ] {
            assert_eq!(path.parse::<StartPath>().unwrap().as_str(), path);
        }
    }

    #[test]
    fn no_path_leads_to_another_host_or_writes_a_header() {
        for path in [
            "",
            "cart",
            "//evil.test/",
            "/\\evil.test",
            "http://evil.test/",
            "/\t/evil.test",
            "/\n/evil.test",
            "/a\r\nset-cookie: a=b",
            "/ /evil.test",
            "/a\\b",
            "/é",
            "/.dayfly/open",
            "/./.dayfly/open",
            "/x/%2E./.dayfly/open",
            "/x/..?a",
        ] {
            assert!(path.parse::<StartPath>().is_err(), "{path:?}");
        }
        let long = format!("/{}", "a".repeat(CHARS_MAX));
        assert!(long.parse::<StartPath>().is_err());
    }
}
