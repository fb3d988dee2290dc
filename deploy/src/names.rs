//! Names and ids, validated once when they enter the program.
//!
//! Every type here has private contents, and `parse` is its only constructor. So code may put a
//! value into a host name, an object's name or an argument list without another check. Names
//! consist of numbers and slugs; none is derived from a title or a branch name.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A word that breaks the format of its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {what}: {rule}")]
pub struct NameError {
    /// The expected kind of name, with its article: "a service name".
    pub what: &'static str,
    /// The given word, cut to 80 characters.
    pub value: String,
    /// The accepted format.
    pub rule: &'static str,
}

/// Declares a checked word: its doc, type, kind of name, rule and test.
macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $test:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks `value` against the format of this word.
            pub fn parse(value: &str) -> Result<Self, NameError> {
                let test: fn(&str) -> bool = $test;
                if test(value) {
                    Ok(Self(value.to_owned()))
                } else {
                    let value = value.chars().take(80).collect();
                    Err(NameError { what: $what, value, rule: $rule })
                }
            }

            /// The word itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(value: &str) -> Result<Self, NameError> {
                Self::parse(value)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(value: String) -> Result<Self, NameError> {
                Self::parse(&value)
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> String {
                word.0
            }
        }
    };
}

/// Lower-case letters, digits and single hyphens, a letter or digit at both ends.
pub(crate) fn is_slug(value: &str, longest: usize) -> bool {
    !value.is_empty()
        && value.len() <= longest
        && value
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !value.starts_with('-')
        && !value.ends_with('-')
        && !value.contains("--")
}

word! {
    /// The Dayfly instance that owns an object: 8 random hex digits per data directory.
    Instance, "an instance id", "8 lower-case hex digits",
    |v| v.len() == 8 && v.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

word! {
    /// One preview: `<slug>-<number>` for a pull request, `<slug>-up` for a local checkout.
    PreviewId, "a preview id", "at most 40 of a-z, 0-9 and single hyphens",
    |v| is_slug(v, 40)
}

word! {
    /// A service of a blueprint; also its name inside the preview's network.
    ServiceName, "a service name", "at most 30 of a-z, 0-9 and single hyphens, a letter first",
    |v| is_slug(v, 30) && v.as_bytes()[0].is_ascii_lowercase()
}

word! {
    /// A database of a blueprint; also its name inside the preview's network.
    DatabaseName, "a database name", "at most 30 of a-z, 0-9 and single hyphens, a letter first",
    |v| is_slug(v, 30) && v.as_bytes()[0].is_ascii_lowercase()
}

word! {
    /// The full id of a commit: 40 hex digits (SHA-1) or 64 (SHA-256).
    CommitSha, "a commit id", "40 or 64 lower-case hex digits",
    |v| matches!(v.len(), 40 | 64)
        && v.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

word! {
    /// The engine's own id of an image: `sha256:` and 64 hex digits.
    ImageId, "an image id", "sha256: and 64 lower-case hex digits",
    |v| v.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64
        && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
}

word! {
    /// A snapshot of seeded data, by the digest of its inputs: 64 hex digits.
    SnapshotId, "a snapshot id", "64 lower-case hex digits",
    |v| v.len() == 64 && v.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

impl CommitSha {
    /// The first seven digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

/// One commit built and run in a preview; counted from 1 per preview and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevisionNumber(pub u32);

impl fmt::Display for RevisionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

/// One state of all databases of a preview together. A revision runs on one generation. Counted
/// from 1 per preview and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u32);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "g{}", self.0)
    }
}

/// A database of a preview, in one generation of its data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseKey {
    /// The preview that owns it.
    pub preview: PreviewId,
    /// The generation of its data.
    pub generation: Generation,
    /// Its name in the blueprint.
    pub name: DatabaseName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_could_be_an_option_or_a_path_is_refused() {
        for evil in [
            "",
            "-x",
            "--upload-pack=x",
            "a/b",
            "a`id`",
            "a b",
            "A",
            "a--b",
            "é",
            "a.",
        ] {
            assert!(ServiceName::parse(evil).is_err(), "{evil:?}");
            assert!(PreviewId::parse(evil).is_err(), "{evil:?}");
        }
        assert!(ServiceName::parse("web-2").is_ok());
        assert!(ServiceName::parse("2web").is_err());
    }

    #[test]
    fn a_commit_is_forty_or_sixty_four_hex_digits() {
        assert!(CommitSha::parse(&"a".repeat(40)).is_ok());
        assert!(CommitSha::parse(&"a".repeat(64)).is_ok());
        assert!(CommitSha::parse(&"a".repeat(41)).is_err());
        assert!(CommitSha::parse(&"A".repeat(40)).is_err());
        assert!(CommitSha::parse("--upload-pack=touch /tmp/x").is_err());
    }
}
