//! Where in an application a copy's link leads its visitors.
//!
//! It becomes the target of a redirect, so it must name nothing but a place on the copy's own host: to a
//! browser `//host` and `/\host` are other hosts, and it drops tabs and line ends before it looks.

use std::{fmt, str::FromStr};

use proxy::gate::PATH_PREFIX;
use serde::{Deserialize, Serialize};

use crate::text;

/// Longer addresses are refused by servers here and there.
const CHARS_MAX: usize = 500;

/// A path of an application, with its query and fragment where it has them: `/cart?item=7#total`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StartPath(String);

/// Why a text is no such path; a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartPathError {
    /// It is not absolute, or names a host.
    #[error(
        "the path {0:?} has to begin with one `/` and name no host, as /cart?item=7 does; take what \
         follows the host in the browser's address"
    )]
    NotOfThisHost(String),
    /// It has characters that no address has.
    #[error(
        "the path {0:?} holds characters that have to be written with %, as in /caf%C3%A9; a browser \
         copies its address that way"
    )]
    NotEncoded(String),
    /// It is too long.
    #[error("the path has {0} characters; at most {CHARS_MAX} are kept")]
    TooLong(usize),
    /// It leads up and down again, so that nobody sees where it ends.
    #[error("the path {0:?} has `.` or `..` between slashes; write where it leads")]
    Winding(String),
    /// It is not the application's.
    #[error("the path {0:?} is not the application's: {PATH_PREFIX} is answered by Dayfly itself")]
    Ours(String),
}

impl StartPath {
    /// Itself, as it stands in an address.
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

/// What RFC 3986 allows, and what browsers leave alone beside it in paths and queries.
fn may_stand_in_address(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%|{}^`".contains(c)
}

/// The parts between slashes, without query and fragment.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let end = path.find(['?', '#']).unwrap_or(path.len());
    path[..end].split('/')
}

/// Whether browsers take a segment away, and the one before it maybe.
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
