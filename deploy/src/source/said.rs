//! Interprets git's messages.

use super::SourceError;
use crate::names::CommitSha;

/// Messages of a remote that answers but refuses this request.
const REFUSED: [&str; 8] = [
    "authentication failed",
    "could not read username",
    "could not read password",
    "terminal prompts disabled",
    "repository not found",
    "returned error: 401",
    "returned error: 403",
    "not found",
];
/// Messages that mean that the commit is missing, but not the repository.
const NOT_THERE: [&str; 3] = [
    "not our ref",
    "couldn't find remote ref",
    "unadvertised object",
];

/// Turns the last messages of a failed fetch into an error, which never contains `secrets`.
pub(super) fn explain(said: &str, commit: &CommitSha, secrets: &[&str]) -> SourceError {
    let message = clean(said, secrets);
    let lower = message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if has(&NOT_THERE) {
        return SourceError::NotThere {
            commit: commit.clone(),
        };
    }
    if has(&[
        "unable to update url base from redirection",
        "returned error: 30",
    ]) {
        let advice = "the repository has moved; redirects are not followed with credentials";
        return SourceError::Refused(format!("{advice} ({message})"));
    }
    if has(&REFUSED) {
        return SourceError::Refused(message);
    }
    if has(&[
        "fsck error",
        "error: object ",
        "invalid object",
        "did not receive expected object",
    ]) {
        return SourceError::Git {
            doing: "accept the commit's objects",
            message,
        };
    }
    if has(&[
        "no space left",
        "permission denied",
        "read-only file system",
        "cannot lock ref",
    ]) {
        return SourceError::Git {
            doing: "store the commit",
            message,
        };
    }
    SourceError::Unreachable(message)
}

/// The relevant messages on one line: without control characters and secrets, and shortened.
pub(super) fn clean(said: &str, secrets: &[&str]) -> String {
    let mut text = said.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "[secret]");
    }
    let lines: Vec<&str> = text
        .split(['\n', '\r'])
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let telling = |line: &&&str| {
        ["fatal:", "error:", "remote:"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let mut kept: Vec<&str> = lines.iter().filter(telling).copied().collect();
    if kept.is_empty() {
        kept = lines.iter().rev().take(3).rev().copied().collect();
    }
    let joined = kept.join("; ");
    let plain: String = super::paths::shown(&joined);
    if plain.is_empty() {
        "git exited without a message".to_owned()
    } else {
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(said: &str) -> &'static str {
        let commit = CommitSha::parse(&"a".repeat(40)).unwrap();
        match explain(said, &commit, &["s3cret"]) {
            SourceError::NotThere { .. } => "not there",
            SourceError::Refused(_) => "refused",
            SourceError::Unreachable(_) => "unreachable",
            SourceError::Git { .. } => "git",
            _ => "other",
        }
    }

    #[test]
    fn what_git_says_is_told_apart() {
        for (said, wanted) in [
            (
                "fatal: remote error: upload-pack: not our ref aaaa",
                "not there",
            ),
            ("fatal: git upload-pack: not our ref aaaa", "not there"),
            (
                "remote: Repository not found.\nfatal: repository 'https://h/x/' not found",
                "refused",
            ),
            ("fatal: Authentication failed for 'https://h/x/'", "refused"),
            (
                "fatal: could not read Username for 'https://h': terminal prompts disabled",
                "refused",
            ),
            (
                "fatal: unable to access 'https://h/x/': The requested URL returned error: 403",
                "refused",
            ),
            (
                "fatal: unable to access 'https://h/x/': The requested URL returned error: 502",
                "unreachable",
            ),
            (
                "fatal: unable to access 'https://h/x/': Could not resolve host: h",
                "unreachable",
            ),
            (
                "fatal: unable to update url base from redirection:",
                "refused",
            ),
            (
                "error: object abc: hasDotdot: contains '..'\nfatal: fsck error in packed object",
                "git",
            ),
            ("fatal: write error: No space left on device", "git"),
            ("", "unreachable"),
        ] {
            assert_eq!(kind(said), wanted, "{said}");
        }
    }

    #[test]
    fn a_secret_and_a_terminal_code_do_not_get_through() {
        let said = clean(
            "remote: hello s3cret \u{1b}[31m\nnoise\nfatal: no",
            &["s3cret", ""],
        );
        assert_eq!(said, "remote: hello [secret] \\u{1b}[31m; fatal: no");
    }
}
