//! Host names and preview ids, built from numbers and slugs.
//!
//! A host name is one DNS label under the preview domain. Its fields are joined by `--`, and no
//! field contains `--`. So different previews never share a name, and one wildcard record covers
//! them all.

use deploy::names::{NameError, PreviewId, ServiceName};
use proxy::table::{HostName, HostNameError};
use sha2::{Digest, Sha256};
use webhook::names::PullRequestNumber;

/// The longest DNS label.
const LABEL_MAX: usize = 63;

/// Hex digits of the hash in a shortened label; 64 bits make finding a collision infeasible.
const HASH_DIGITS: usize = 16;

/// Turns outside text into a slug: at most `longest` lower-case letters, digits and single hyphens.
/// If more than the case changes, the slug ends with a hash of the original, so that different
/// names stay different.
pub fn slug(text: &str, longest: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    let cleaned = out.trim_end_matches('-');
    let unchanged = !cleaned.is_empty() && cleaned == text.to_ascii_lowercase();
    if unchanged && cleaned.len() <= longest {
        return cleaned.to_owned();
    }
    let digest = hex::encode(Sha256::digest(text.as_bytes()));
    let hash = &digest[..6];
    let kept: String = cleaned
        .chars()
        .take(longest.saturating_sub(hash.len() + 1))
        .collect();
    match kept.trim_end_matches('-') {
        "" => format!("x{hash}"),
        kept => format!("{kept}-{hash}"),
    }
}

/// The id of a pull request's preview. Different repositories have different slugs, and the number
/// is what follows the last hyphen.
pub fn pull_preview_id(slug: &str, number: PullRequestNumber) -> Result<PreviewId, NameError> {
    PreviewId::parse(&format!("{slug}-{}", number.0))
}

/// The id of a local checkout's preview.
pub fn local_preview_id(slug: &str) -> Result<PreviewId, NameError> {
    PreviewId::parse(&format!("{slug}-up"))
}

/// The id of a fork, a capture or a standalone database; `letter` says which. The part after the
/// last hyphen begins with the letter, so that it is neither a number nor `up`.
pub fn copy_preview_id(slug: &str, letter: char, digits: &str) -> Result<PreviewId, NameError> {
    PreviewId::parse(&format!("{slug}-{letter}{digits}"))
}

/// The preview that a host name belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// A pull request.
    Pull {
        /// The repository's slug.
        repository: &'a str,
        /// The pull request.
        number: PullRequestNumber,
    },
    /// A local checkout.
    Local {
        /// The checkout's slug.
        checkout: &'a str,
    },
    /// A fork, a capture or a standalone database.
    Copy {
        /// Its id, by [`copy_preview_id`].
        id: &'a PreviewId,
    },
}

/// The host of a preview's main service, or of another public one.
pub fn host(
    subject: Subject<'_>,
    service: Option<&ServiceName>,
    domain: &str,
) -> Result<HostName, HostNameError> {
    let (first, last) = match subject {
        Subject::Pull { repository, number } => (format!("pr-{}", number.0), repository),
        Subject::Local { checkout } => ("up".to_owned(), checkout),
        Subject::Copy { id } => {
            let (slug, tail) = id.as_str().rsplit_once('-').unwrap_or((id.as_str(), "f"));
            let (letter, digits) = tail.split_at(1);
            (format!("{letter}-{digits}"), slug)
        }
    };
    let label = match service {
        Some(service) => format!("{first}--{service}--{last}"),
        None => format!("{first}--{last}"),
    };
    HostName::parse(&format!("{}.{domain}", fit(&label)))
}

/// Shortens a label that is too long. It keeps its beginning, at least two whole fields, and gets
/// two more fields: `x` and a hash of the whole label. No other label has as many fields.
fn fit(label: &str) -> String {
    if label.len() <= LABEL_MAX {
        return label.to_owned();
    }
    let digest = hex::encode(Sha256::digest(label.as_bytes()));
    let end = format!("--x--{}", &digest[..HASH_DIGITS]);
    let kept = label[..LABEL_MAX - end.len()].trim_end_matches('-');
    format!("{kept}{end}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_slug_is_a_field_of_a_host_name() {
        for text in [
            "Shop",
            "a--b",
            "_x_",
            "ünïcode",
            "-",
            "",
            "a.b",
            "x".repeat(200).as_str(),
        ] {
            let slug = slug(text, 28);
            assert!(
                slug.len() <= 28 && !slug.contains("--"),
                "{text:?} became {slug:?}"
            );
            assert!(
                PreviewId::parse(&format!("{slug}-1")).is_ok(),
                "{text:?} became {slug:?}"
            );
        }
        assert_eq!(slug("Guestbook", 28), "guestbook");
        assert_ne!(slug("a.b", 28), slug("a-b", 28));
    }

    #[test]
    fn a_name_that_was_cut_is_no_name_that_fits() {
        let service = ServiceName::parse(&"s".repeat(30)).unwrap();
        let cut = Subject::Local {
            checkout: "victim-aaaaaaaa-000000000000",
        };
        let cut = host(cut, Some(&service), "localhost").unwrap();
        let label = cut.as_str().split('.').next().unwrap().to_owned();
        assert!(
            label.len() <= 63 && label.split("--").count() > 3,
            "{label}"
        );
        let last = label.rsplit("--").next().unwrap();
        let twin = Subject::Local { checkout: last };
        assert_ne!(host(twin, Some(&service), "localhost").unwrap(), cut);
    }

    #[test]
    fn different_subjects_have_different_hosts() {
        let api = ServiceName::parse("api").unwrap();
        let mut seen = BTreeSet::new();
        for repository in ["shop", "shop-2", "api-shop", &"long-".repeat(5)[..24]] {
            for number in [1, 2, 11, 4_294_967_295] {
                let number = PullRequestNumber(number);
                let subject = Subject::Pull { repository, number };
                for service in [None, Some(&api)] {
                    let host = host(subject, service, "localhost").unwrap();
                    assert!(host.as_str().split('.').next().unwrap().len() <= 63);
                    assert!(seen.insert(host.clone()), "{host} twice");
                }
            }
            let subject = Subject::Local {
                checkout: repository,
            };
            assert!(seen.insert(host(subject, None, "localhost").unwrap()));
        }
    }
}
