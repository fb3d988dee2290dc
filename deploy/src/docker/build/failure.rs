//! Interprets the builder's error messages.
//!
//! Builders report errors as text, not as codes. The texts below are from the BuildKit of engines
//! since
//! 20.10. Any other message stays a plain failure with its original text.

use bollard_buildkit_proto::google::rpc;
use prost::Message as _;
use tonic::{Code, Status};

use super::registries::{Registries, host};
use crate::{
    builder::{BuildError, BuildFault},
    source::Absence,
};

/// The newest Dockerfile syntax that every supported builder parses without a `# syntax=` line.
const LEVEL: &str = "1.2 (no here-documents, COPY --link, RUN --network)";

/// Exit code of a killed command.
const KILLED: i64 = 137;

/// Prefixes that builders put before the actual message.
const PREAMBLES: [&str; 8] = [
    "failed to load cache key: ",
    "rpc error: code = Unknown desc = ",
    "rpc error: code = NotFound desc = ",
    "failed to solve with frontend dockerfile.v0: ",
    "failed to solve: ",
    "failed to build LLB: ",
    "failed to create LLB definition: ",
    "dockerfile parse error: ",
];

/// Parts of messages about temporary failures, which the Dockerfile does not cause.
const PASSING: [&str; 6] = [
    "code = Unavailable",
    "code = Canceled",
    "context canceled",
    "no active session",
    "transport is closing",
    "session healthcheck failed",
];

/// Parts of lines in which programs report that a network peer did not answer.
const NETWORK: [&str; 10] = [
    "Temporary failure resolving",
    "Temporary failure in name resolution",
    "Could not resolve host",
    "Network is unreachable",
    "network is unreachable",
    "No route to host",
    "Connection timed out",
    "Connection refused",
    "Could not connect to",
    "ETIMEDOUT",
];

/// Local addresses. A line with one of them is about a service that the build does not have, not
/// about the network.
const HERE: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Texts for a full device, with and without the C library.
const FULL: [&str; 2] = ["No space left on device", "no space left on device"];

/// With one of these words, the text for a full device means the kernel's limit for inotify
/// watches.
const WATCHING: [&str; 2] = ["watch", "inotify"];

/// Why a build produced no image.
pub(crate) enum Said {
    /// An error of known meaning.
    Error(BuildError),
    /// The builder's own message.
    Builder {
        sentence: String,
        /// The line of the Dockerfile that it refers to.
        line: Option<u32>,
    },
}

impl Said {
    pub(crate) fn from_status(status: &Status) -> Self {
        let sentence = status.message();
        if status.code() == Code::Unavailable || passes(sentence) {
            return Self::Error(BuildError::Unreachable(plain(sentence).to_owned()));
        }
        Self::Builder {
            sentence: without_mounts(sentence),
            line: line_of_details(status.details()),
        }
    }
}

/// Whether a retry may succeed.
pub(crate) fn passes(sentence: &str) -> bool {
    // An exit code of a command is final, whatever text the message quotes.
    exit_code(sentence).is_none() && PASSING.iter().any(|word| sentence.contains(word))
}

/// The message without its prefixes.
pub(crate) fn plain(sentence: &str) -> &str {
    let mut rest = sentence.trim();
    while let Some(shorter) = PREAMBLES
        .iter()
        .find_map(|preamble| rest.strip_prefix(preamble))
    {
        rest = shorter;
    }
    rest
}

/// The sentence with paths as the Dockerfile knows them. Builders name files by where the engine has
/// mounted a step's files; that folder means nothing to the reader, and tells how the host is set up.
fn without_mounts(sentence: &str) -> String {
    const MOUNT: &str = "/buildkit-mount";
    let mut shown = String::new();
    let mut rest = sentence;
    while let Some(at) = rest.find(MOUNT) {
        let before = &rest[..at];
        let folder = before
            .rfind(|c: char| c.is_whitespace() || "\"'`:=([,".contains(c))
            .map_or(0, |last| {
                last + before[last..].chars().next().map_or(1, char::len_utf8)
            });
        shown.push_str(&before[..folder]);
        rest = rest[at + MOUNT.len()..].trim_start_matches(|c: char| c.is_ascii_digit());
        if !rest.starts_with('/') {
            shown.push('/');
        }
    }
    shown.push_str(rest);
    shown
}

/// The line that the builder attaches to its answer.
fn line_of_details(details: &[u8]) -> Option<u32> {
    let status = rpc::Status::decode(details).ok()?;
    let source = status
        .details
        .iter()
        .find(|detail| detail.type_url.contains("errdefs.Source"))?;
    let source: serde_json::Value = serde_json::from_slice(&source.value).ok()?;
    let line = source["ranges"][0]["start"]["line"].as_u64()?;
    u32::try_from(line).ok().filter(|line| *line > 0)
}

/// The line number in a message such as `dockerfile parse error line 3: …`.
pub(crate) fn line_of_sentence(sentence: &str) -> Option<u32> {
    let lower = sentence.to_ascii_lowercase();
    let rest = &lower[lower.find("parse error")?..];
    let rest = rest.split_once("line ")?.1;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The kind of failure; `step` is the failed step and `lines` are its last lines. For a missing
/// path, the caller must still check whether the ignore file excludes it.
pub(crate) fn fault(
    sentence: &str,
    step: Option<&str>,
    lines: &[&str],
    registries: &Registries,
) -> BuildFault {
    if let Some(exit_code) = exit_code(sentence) {
        return fault_of_command(exit_code, lines);
    }
    if sentence.contains("no space left on device") {
        return BuildFault::Disk { line: None };
    }
    let lower = sentence.to_ascii_lowercase();
    if let Some(unknown) = unknown(&lower, sentence) {
        return BuildFault::Dockerfile {
            unknown,
            level: Some(LEVEL),
        };
    }
    if lower.contains("no match for platform") {
        return BuildFault::Platform;
    }
    if let Some(path) = missing_path(sentence) {
        return BuildFault::NotFound {
            path,
            absence: Absence::NotCommitted,
        };
    }
    let after = |words: &str| {
        let (_, image) = step?.split_once(words)?;
        let image = image.strip_prefix("docker-image://").unwrap_or(image);
        Some(image.to_owned())
    };
    let syntax = after("resolve image config for ");
    let is_syntax = syntax.is_some();
    let pulled = || {
        step.filter(|step| step.starts_with("FROM "))
            .and(after("FROM "))
    };
    let named = syntax
        .or_else(|| after("load metadata for "))
        .or_else(pulled);
    match named.or_else(|| base(sentence, &lower)) {
        Some(image) => {
            let registry = host(&image).to_owned();
            let login = registries.of(&registry);
            BuildFault::Base {
                username: login.map(|login| login.username.clone()),
                registry,
                image,
                is_syntax,
            }
        }
        None => BuildFault::Other,
    }
}

/// Why a command failed, as far as its last lines show.
fn fault_of_command(exit_code: i64, lines: &[&str]) -> BuildFault {
    let last = |words: &[&str], not: &[&str]| {
        let has = |line: &str, words: &[&str]| words.iter().any(|word| line.contains(word));
        let mut lines = lines.iter().rev();
        let line = lines.find(|line| has(line, words) && !has(line, not))?;
        Some((*line).to_owned())
    };
    if let Some(line) = last(&FULL, &WATCHING) {
        return BuildFault::Disk { line: Some(line) };
    }
    if exit_code == KILLED {
        return BuildFault::Killed;
    }
    match last(&NETWORK, &HERE) {
        Some(line) => BuildFault::Network { exit_code, line },
        None => BuildFault::Command { exit_code },
    }
}

/// The stage or image from which a step reads files instead of the context, as in `COPY
/// --from=build` or `RUN --mount=type=bind,from=build`.
pub(crate) fn stage_of_step(step: &str) -> Option<&str> {
    let flags = step
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--"));
    let mut from = flags.filter_map(|flag| match flag.split_once('=')? {
        ("from", stage) => Some(stage),
        ("mount", parts) => parts.split(',').find_map(|part| part.strip_prefix("from=")),
        _ => None,
    });
    from.next()
}

fn exit_code(sentence: &str) -> Option<i64> {
    let (_, rest) = sentence.rsplit_once("exit code: ")?;
    let digits: String = rest
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '-')
        .collect();
    digits.parse().ok()
}

/// The unknown word of the Dockerfile, if the builder cannot parse the Dockerfile.
#[expect(
    clippy::option_option,
    reason = "parsed, and not parsed without a known word, are two answers"
)]
fn unknown(lower: &str, sentence: &str) -> Option<Option<String>> {
    for word in ["unknown instruction: ", "unknown flag: "] {
        if let Some(at) = lower.find(word) {
            let rest = &sentence[at + word.len()..];
            let name = rest.split_whitespace().next().map(str::to_owned);
            return Some(name);
        }
    }
    lower.contains("parse error").then_some(None)
}

/// `… "/path": not found` and `… "/path" not found: not found`.
fn missing_path(sentence: &str) -> Option<String> {
    if !sentence.contains("compute cache key") && !sentence.contains("calculate checksum") {
        return None;
    }
    let (before, _) = sentence
        .rsplit_once("\": not found")
        .or_else(|| sentence.rsplit_once("\" not found"))?;
    let (_, path) = before.rsplit_once('"')?;
    Some(path.to_owned())
}

/// The image that a message about a registry names.
fn base(sentence: &str, lower: &str) -> Option<String> {
    let about_images = [
        "not found",
        "pull access denied",
        "failed to do request",
        "failed to resolve",
        "failed to authorize",
        "unauthorized",
        "no such host",
        "connection refused",
        "insufficient_scope",
    ];
    if !about_images.iter().any(|word| lower.contains(word)) {
        return None;
    }
    // The name ends at the first colon that a space follows.
    let plain = plain(sentence);
    let plain = plain.strip_prefix("failed to resolve source metadata for ");
    let name = plain.unwrap_or_else(|| self::plain(sentence));
    let (name, _) = name.split_once(": ")?;
    let is_name = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '"');
    is_name.then(|| name.to_owned())
}

/// The error for a builder that does not answer in time.
pub(crate) fn silent_builder(limit: std::time::Duration) -> BuildError {
    BuildError::Unreachable(format!(
        "the builder: no answer within {} s",
        limit.as_secs()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sentence: &str) -> BuildFault {
        fault(sentence, None, &[], &Registries::default())
    }

    #[test]
    fn a_commands_end_is_told_by_its_code() {
        for (sentence, exit_code) in [
            (
                "executor failed running [/bin/sh -c exit 3]: exit code: 3",
                3,
            ),
            (
                "failed to solve: process \"/bin/sh -c make\" did not complete successfully: exit code: 2",
                2,
            ),
        ] {
            assert_eq!(of(sentence), BuildFault::Command { exit_code });
        }
        assert_eq!(
            of("executor failed running [/bin/sh -c x]: exit code: 137"),
            BuildFault::Killed
        );
        // The message quotes the command, which is no evidence.
        let said =
            "executor failed running [/bin/sh -c grep 'no space left on device' log]: exit code: 1";
        assert_eq!(of(said), BuildFault::Command { exit_code: 1 });
        let said = "failed to copy files: write /x: no space left on device";
        assert_eq!(of(said), BuildFault::Disk { line: None });
    }

    #[test]
    fn a_commands_last_lines_count_where_they_can_mean_only_one_thing() {
        let ended = BuildFault::Command { exit_code: 6 };
        let of = |line: &str| {
            let said = "executor failed running [/bin/sh -c x]: exit code: 6";
            fault(
                said,
                None,
                &["before", line, "after"],
                &Registries::default(),
            )
        };
        for line in [
            "curl: (6) Could not resolve host: example.org",
            "E: Failed to fetch x  Temporary failure resolving 'deb.example'",
            "psycopg2.OperationalError: could not translate host name \"db\" to address: Temporary failure in name resolution",
        ] {
            let line = line.to_owned();
            let exit_code = 6;
            assert_eq!(of(&line), BuildFault::Network { exit_code, line });
        }
        for line in [
            "connection to server at \"localhost\" (127.0.0.1), port 5432 failed: Connection refused",
            "Error: connect ECONNREFUSED ::1:6379: Connection refused",
        ] {
            assert_eq!(of(line), ended, "{line}");
        }
        for line in [
            "tar: x: Cannot write: No space left on device",
            "Error: ENOSPC: no space left on device, write",
        ] {
            let line = line.to_owned();
            assert_eq!(of(&line), BuildFault::Disk { line: Some(line) });
        }
        let watched = "Error: ENOSPC: no space left on device, watch '/app'";
        assert_eq!(of(watched), ended);
    }

    #[test]
    fn a_file_that_is_taken_from_another_stage_is_told_from_one_of_the_context() {
        for (step, stage) in [
            (
                "[stage-1 2/2] COPY --from=build /app/dist /srv",
                Some("build"),
            ),
            ("[2/2] COPY --chown=1:1 --from=0 /app /srv", Some("0")),
            (
                "[2/2] RUN --mount=type=bind,from=build,source=/x,target=/y make",
                Some("build"),
            ),
            ("[2/2] RUN --mount=type=bind,source=x,target=/y make", None),
            ("[2/2] COPY from=build /srv", None),
            ("[2/2] COPY app /srv", None),
        ] {
            assert_eq!(stage_of_step(step), stage, "{step}");
        }
    }

    #[test]
    fn an_image_is_told_by_the_line_that_names_it() {
        let said = "failed to do request: Head \"http://localhost:1/v2/\": connection refused";
        for (step, syntax) in [
            (
                "resolve image config for localhost:1/docker/dockerfile:1",
                true,
            ),
            (
                "resolve image config for docker-image://localhost:1/docker/dockerfile:1",
                true,
            ),
            (
                "[internal] load metadata for localhost:1/docker/dockerfile:1",
                false,
            ),
            ("FROM localhost:1/docker/dockerfile:1", false),
        ] {
            let BuildFault::Base {
                image, is_syntax, ..
            } = fault(said, Some(step), &[], &Registries::default())
            else {
                panic!("{step}")
            };
            assert_eq!(
                (image.as_str(), is_syntax),
                ("localhost:1/docker/dockerfile:1", syntax)
            );
        }
    }

    #[test]
    fn what_the_builder_does_not_know_is_named_with_its_line() {
        let said = "failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 3: unknown instruction: WORKDIRR";
        let BuildFault::Dockerfile { unknown, .. } = of(said) else {
            panic!("{:?}", of(said))
        };
        assert_eq!(unknown.as_deref(), Some("WORKDIRR"));
        assert_eq!(line_of_sentence(said), Some(3));
        assert!(matches!(
            of("Dockerfile parse error line 2: Unknown flag: link"),
            BuildFault::Dockerfile { unknown: Some(flag), .. } if flag == "link"
        ));
    }

    #[test]
    fn a_path_or_an_image_that_is_not_there_is_named() {
        for said in [
            "failed to solve: failed to compute cache key: \"/nothing\" not found: not found",
            "failed to compute cache key: failed to calculate checksum of ref a::b: \"/nothing\": not found",
        ] {
            let BuildFault::NotFound { path, .. } = of(said) else {
                panic!("{said}: {:?}", of(said))
            };
            assert_eq!(path, "/nothing");
        }
        let said = "failed to solve with frontend dockerfile.v0: failed to create LLB definition: registry.example:5000/acme/base:1: not found";
        let BuildFault::Base {
            image, registry, ..
        } = of(said)
        else {
            panic!("{:?}", of(said))
        };
        assert_eq!(image, "registry.example:5000/acme/base:1");
        assert_eq!(registry, "registry.example:5000");
        let step = Some("[internal] load metadata for localhost:1/nothing:1");
        let said = "failed to do request: Head \"http://localhost:1/v2/\": connection refused";
        let away = fault(said, step, &[], &Registries::default());
        assert!(
            matches!(&away, BuildFault::Base { image, .. } if image == "localhost:1/nothing:1"),
            "{away:?}"
        );
    }

    #[test]
    fn the_sentence_that_matters_is_left() {
        let said = "failed to solve with frontend dockerfile.v0: failed to build LLB: executor \
                    failed running [/bin/sh -c false]: exit code: 1";
        assert_eq!(
            plain(said),
            "executor failed running [/bin/sh -c false]: exit code: 1"
        );
    }

    #[test]
    fn a_failed_copy_names_the_file_and_not_where_the_engine_keeps_it() {
        let walk = "failed to walk /srv/docker/tmp/buildkit-mount123456/app: lstat \
                    /srv/docker/tmp/buildkit-mount123456/app: no such file or directory";
        assert_eq!(
            without_mounts(walk),
            "failed to walk /app: lstat /app: no such file or directory"
        );
        assert_eq!(without_mounts("at \"/x/buildkit-mount7\""), "at \"/\"");
        assert_eq!(without_mounts("\"/app\": not found"), "\"/app\": not found");
    }

    #[test]
    fn a_command_that_quotes_a_passing_fault_does_not_pass() {
        let said = "executor failed running [/bin/sh -c grep \"context canceled\" x]: exit code: 1";
        assert!(!passes(said));
        assert!(passes("rpc error: code = Canceled desc = context canceled"));
    }

    #[test]
    fn what_is_not_known_stays_unknown() {
        assert_eq!(of("something else entirely"), BuildFault::Other);
        assert_eq!(of(""), BuildFault::Other);
    }
}
