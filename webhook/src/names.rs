//! The forge's identifiers, validated once at the border.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An identifier of the forge with an invalid format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {what}")]
pub struct NameError {
    /// The expected format, with its article.
    pub what: &'static str,
    /// The rejected value, cut to 80 characters.
    pub value: String,
}

impl NameError {
    fn new(what: &'static str, value: &str) -> Self {
        Self {
            what,
            value: value.chars().take(80).collect(),
        }
    }
}

/// `owner/name` of a repository. May change when the repository is renamed; its
/// [`RepositoryId`] never does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoName {
    owner: String,
    name: String,
}

impl RepoName {
    /// Validates `owner/name`: both consist of letters, digits, `-`, `_` and `.`, are at most 100
    /// characters long, do not start with a hyphen, and are not `.` or `..`.
    pub fn parse(value: &str) -> Result<Self, NameError> {
        let fits = |part: &str| {
            !part.is_empty()
                && part.len() <= 100
                && !part.starts_with('-')
                && part != "."
                && part != ".."
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        match value.split_once('/') {
            Some((owner, name)) if fits(owner) && fits(name) => Ok(Self {
                owner: owner.to_owned(),
                name: name.to_owned(),
            }),
            _ => Err(NameError::new("a repository name (owner/name)", value)),
        }
    }

    /// The account or organisation.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository's own name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl FromStr for RepoName {
    type Err = NameError;
    fn from_str(value: &str) -> Result<Self, NameError> {
        Self::parse(value)
    }
}

impl TryFrom<String> for RepoName {
    type Error = NameError;
    fn try_from(value: String) -> Result<Self, NameError> {
        Self::parse(&value)
    }
}

impl From<RepoName> for String {
    fn from(repo: RepoName) -> String {
        repo.to_string()
    }
}

/// The forge's id of a repository; survives renames and transfers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RepositoryId(pub u64);

/// The number of a pull request within its repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PullRequestNumber(pub u64);

impl fmt::Display for PullRequestNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The full id of a commit: 40 lower-case hex digits (SHA-1) or 64 (SHA-256).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitSha(String);

impl CommitSha {
    /// Validates the digits.
    pub fn parse(value: &str) -> Result<Self, NameError> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if matches!(value.len(), 40 | 64) && value.bytes().all(hex) {
            Ok(Self(value.to_owned()))
        } else {
            Err(NameError::new(
                "a commit id (40 or 64 lower-case hex digits)",
                value,
            ))
        }
    }

    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CommitSha {
    type Error = NameError;
    fn try_from(value: String) -> Result<Self, NameError> {
        Self::parse(&value)
    }
}

impl From<CommitSha> for String {
    fn from(sha: CommitSha) -> String {
        sha.0
    }
}
