//! Diagnoses of images that cannot be built or pulled.

use std::time::Duration;

use deploy::{
    blueprint::Service,
    builder::{BuildError, BuildFault},
    names::{PreviewId, ServiceName},
    source::{Absence, Lack, MissingKind},
};

use super::{
    registry,
    say::{diagnosis, last_lines},
    way::{Way, capital},
};
use crate::{config::Limits, lifecycle::Diagnosis, text};

/// The image cannot be built.
pub fn build(
    preview: &PreviewId,
    service: &ServiceName,
    error: &BuildError,
    limits: &Limits,
    tail: Vec<String>,
    way: Way,
) -> Diagnosis {
    match error {
        BuildError::Failed {
            fault,
            step,
            line,
            message,
        } => {
            if let Some(limit) = of_limits(service, fault, way) {
                return limit;
            }
            let failure = Failure {
                preview,
                service,
                place: place(step.as_deref(), *line),
                said: message.lines().next().unwrap_or_default(),
                way,
            };
            let named = failure.of_dockerfile(fault);
            named.unwrap_or_else(|| failure.of_command(fault, limits, tail))
        }
        BuildError::NoDockerfile { path } => {
            let sentence = format!(
                "Building {service} failed: {path} is not in {}",
                way.source()
            );
            let action = format!(
                "{}, or set its path with `build.dockerfile` in dayfly.toml; then {}.",
                way.add(),
                way.again()
            );
            diagnosis("DF202", sentence, Vec::new(), action)
        }
        BuildError::NoImage { reference, why } => {
            let sentence = format!("Cannot pull image {reference} for service {service}: {why}");
            let action = registry::action("`image` in dayfly.toml", why);
            diagnosis("DF203", sentence, Vec::new(), action)
        }
        BuildError::Context(why) => {
            let sentence = format!("Building {service} failed: {why}");
            let action = format!("Fix the problem above, then {}.", way.again());
            diagnosis("DF201", sentence, Vec::new(), action)
        }
        BuildError::Unreachable(why) => {
            let sentence = format!("Building {service} failed: {why}");
            diagnosis("DF201", sentence, tail, way.retry())
        }
    }
}

/// The step and the line of the Dockerfile, as far as they are known, for the end of a sentence.
fn place(step: Option<&str>, line: Option<u32>) -> String {
    match (step, line) {
        (Some(step), Some(line)) => format!(" at {step} (line {line} of the Dockerfile)"),
        (Some(step), None) => format!(" at {step}"),
        (None, Some(line)) => format!(" at line {line} of the Dockerfile"),
        (None, None) => String::new(),
    }
}

/// The parts of a sentence that says where a build failed, and why.
struct Failure<'a> {
    preview: &'a PreviewId,
    service: &'a ServiceName,
    place: String,
    /// The builder's sentence. The output of the step is evidence.
    said: &'a str,
    way: Way,
}

impl Failure<'_> {
    fn why(&self, what: impl std::fmt::Display) -> String {
        format!("Building {} failed{}: {what}", self.service, self.place)
    }

    /// A failed command of the Dockerfile, or a lack of memory, disk or network.
    fn of_command(&self, fault: &BuildFault, limits: &Limits, tail: Vec<String>) -> Diagnosis {
        let again = self.way.again();
        let (code, sentence, action) = match fault {
            BuildFault::Command { exit_code } => (
                "DF201",
                self.why(format!("the command exited with code {exit_code}")),
                format!(
                    "Fix the failed command, then {again}. `dayfly logs {} --build`{} shows the \
                     command's whole output.",
                    self.preview,
                    self.way.on_server()
                ),
            ),
            BuildFault::Killed => (
                "DF205",
                self.why(
                    "the command was killed (exit code 137), by the kernel because memory ran out \
                     or by another program of the step",
                ),
                more_memory(limits, self.way),
            ),
            BuildFault::Disk { line: None } => (
                "DF210",
                self.why("the disk of the engine is full"),
                format!("{}.", capital(&free_space(self.way))),
            ),
            BuildFault::Disk { line: Some(line) } => (
                "DF210",
                self.why(format!(
                    "the command found no space left on a device: {}",
                    line.trim()
                )),
                format!(
                    "If the command wrote to the image, the disk of the engine is full: {}. If the \
                     command wrote to a file system in memory, such as /dev/shm, write less to it.",
                    free_space(self.way)
                ),
            ),
            BuildFault::Network { exit_code, line } => (
                "DF211",
                self.why(format!(
                    "the command exited with code {exit_code} after a network error: {}",
                    line.trim()
                )),
                "Builds cannot use the preview's services or databases: move that step to the \
                 start command. If the line names another host, check that the server can reach \
                 that host."
                    .to_owned(),
            ),
            _ => (
                "DF201",
                self.why(self.said),
                format!(
                    "{} Fix the problem above, then {again}.",
                    last_lines(&tail, "the build")
                ),
            ),
        };
        diagnosis(code, sentence, tail, action)
    }

    /// A fault of the Dockerfile, or of a file or image that it names.
    fn of_dockerfile(&self, fault: &BuildFault) -> Option<Diagnosis> {
        let (code, what, action) = match fault {
            BuildFault::Dockerfile { unknown, level } => {
                let (what, action) = self.not_understood(unknown.as_deref(), *level);
                ("DF206", what, action)
            }
            BuildFault::NotFound { path, absence } => {
                let (what, action) = self.not_found(path, absence);
                ("DF207", what, action)
            }
            BuildFault::Base {
                image,
                is_syntax,
                registry,
                username,
            } => {
                let asked = match username {
                    Some(username) => format!("Dayfly asked {registry} as {username:?}"),
                    None => format!("Dayfly asked {registry} without a log-in"),
                };
                let (place, stage) = match is_syntax {
                    true => ("the `# syntax=` line of the Dockerfile", ""),
                    false => (
                        "FROM or --from= of the Dockerfile",
                        " If you meant a build stage, check the stage's name.",
                    ),
                };
                let said = self.said;
                let what = format!("cannot pull the image {image}; {asked}: {said}");
                let action = registry::action(place, said);
                ("DF208", what, format!("{action}{stage}"))
            }
            BuildFault::Platform => (
                "DF209",
                "a base image is not published for the server's processor".to_owned(),
                "Use a base image that is published for the server's processor.".to_owned(),
            ),
            _ => return None,
        };
        Some(diagnosis(code, self.why(what), Vec::new(), action))
    }

    fn not_understood(&self, unknown: Option<&str>, level: Option<&str>) -> (String, String) {
        let again = self.way.again();
        let Some(unknown) = unknown else {
            return (
                self.said.to_owned(),
                format!("Fix the Dockerfile, then {again}."),
            );
        };
        let what = format!("the builder does not know `{unknown}`");
        let action = match level {
            Some(level) => format!(
                "The builder reads Dockerfile syntax {level}. Check the spelling. If it is correct, \
                 make `# syntax=docker/dockerfile:1` the first line of the Dockerfile. The server \
                 must be able to pull that image."
            ),
            None => {
                "Check the spelling. If it is correct, name a newer version in the `# syntax=` \
                     line of the Dockerfile."
                    .to_owned()
            }
        };
        (what, action)
    }

    fn not_found(&self, path: &str, absence: &Absence) -> (String, String) {
        let (again, add) = (self.way.again(), self.way.add());
        match absence {
            Absence::Missing(missing) => (
                match missing.kind {
                    MissingKind::Submodule => {
                        format!(
                            "{path} is in the submodule {}, which {}",
                            missing.path, missing.lack
                        )
                    }
                    MissingKind::LfsFile => format!("{} {missing}", missing.kind),
                },
                match (missing.kind, &missing.lack) {
                    (MissingKind::LfsFile, _) => format!(
                        "Fix the cause above, or commit the file without Git LFS; then {again}."
                    ),
                    (MissingKind::Submodule, Lack::NotFetched(_)) => format!(
                        "Make the submodule public, or ask the operator of the server to list it \
                         in `github.submodules`; then {again}."
                    ),
                    (MissingKind::Submodule, Lack::NotSent) => {
                        format!("Run `git submodule update --init` in the checkout, then {again}.")
                    }
                },
            ),
            Absence::Ignored { by } => {
                let line = path.trim_start_matches('/');
                let line = text::code_span(&format!("!{line}"));
                (
                    format!("{path} exists, but {by} keeps it out of the build context"),
                    format!("Add the line {line} to {by}, then {again}."),
                )
            }
            Absence::Elsewhere { stage } => (
                format!("the stage or image `{stage}` has no {path}"),
                format!(
                    "Fix the path, or the step of that stage that should create the file; then \
                     {again}."
                ),
            ),
            Absence::NotCommitted => (
                format!("{path} is not in the build context"),
                format!(
                    "{add}, or fix the path, which is relative to the folder of the build context. \
                     Then {again}."
                ),
            ),
        }
    }
}

fn free_space(way: Way) -> String {
    way.operator("free space on the server (`dayfly doctor` shows the free space)")
}

fn more_memory(limits: &Limits, way: Way) -> String {
    match limits.build_memory_mib_max {
        Some(mib) => format!(
            "All builds on this server share {mib} MiB of memory. If memory is the cause, make the \
             step use less memory, or {}.",
            way.raise("limits.build_memory_mib_max")
        ),
        None => format!(
            "If memory is the cause, make the step use less memory (run fewer jobs at once), or \
             {}.",
            way.operator("give the server more memory")
        ),
    }
}

/// The operator's limits were reached.
fn of_limits(service: &ServiceName, fault: &BuildFault, way: Way) -> Option<Diagnosis> {
    match fault {
        BuildFault::Time { limit } => {
            let sentence = format!("Building {service} was stopped after {}s", limit.as_secs());
            let action = format!(
                "Make the build shorter, or {}.",
                way.raise("limits.build_seconds_max")
            );
            Some(diagnosis("DF204", sentence, Vec::new(), action))
        }
        BuildFault::Size { bytes, bytes_max } => {
            let sentence = format!(
                "The image of {service} has {} MiB; this server allows {} MiB at most",
                bytes >> 20,
                bytes_max >> 20
            );
            let action = format!(
                "Make the image smaller (keep build tools in a separate stage), or {}.",
                way.raise("limits.image_mib_max")
            );
            Some(diagnosis("DF212", sentence, Vec::new(), action))
        }
        _ => None,
    }
}

/// The name of a prebuilt image has a placeholder without a value.
pub fn bad_reference(service: &Service, reference: &str, why: &str) -> Diagnosis {
    let name = &service.name;
    let sentence = format!("The image {reference} of {name}: {why}");
    let action = format!("Set another `image`, or `build`, in [services.{name}] of dayfly.toml.");
    diagnosis("DF213", sentence, Vec::new(), action)
}

/// An image that CI builds for the commit did not appear.
pub fn image_never_came(
    service: &Service,
    (named, why): (&str, &str),
    limit: Duration,
    way: Way,
) -> Diagnosis {
    let sentence = format!(
        "The image {named} of {} did not appear within {}s: {why}",
        service.name,
        limit.as_secs()
    );
    let action = match registry::is_away(why) {
        true => registry::action("`image` in dayfly.toml", why),
        false => format!(
            "Check that CI built and pushed {named} for this commit, then {}. Dayfly waits {} s \
             (`limits.image_wait_seconds_max`).",
            way.again(),
            limit.as_secs()
        ),
    };
    diagnosis("DF214", sentence, Vec::new(), action)
}

#[cfg(test)]
mod tests {
    use deploy::source::Missing;

    use super::*;
    use crate::{
        diagnosis::{
            say::testing::{says, says_not},
            start::testing::service,
        },
        lifecycle::Origin,
    };

    const PUSH: Way = Way(Origin::PullRequest);
    const UP: Way = Way(Origin::Local);

    fn diagnosed(error: &BuildError, tail: &[&str], way: Way) -> Diagnosis {
        let tail = tail.iter().map(|line| (*line).to_owned()).collect();
        build(
            &PreviewId::parse("shop-7").unwrap(),
            &ServiceName::parse("web").unwrap(),
            error,
            &Limits::default(),
            tail,
            way,
        )
    }

    fn failed(fault: BuildFault, said: &str, way: Way) -> Diagnosis {
        let error = BuildError::Failed {
            fault: Box::new(fault),
            step: Some("[2/2] RUN make".to_owned()),
            line: Some(2),
            message: said.to_owned(),
        };
        diagnosed(&error, &["a line"], way)
    }

    fn not_found(absence: Absence, way: Way) -> Diagnosis {
        let path = "/app/dist".to_owned();
        failed(BuildFault::NotFound { path, absence }, "not found", way)
    }

    #[test]
    fn a_command_that_fails_is_told_by_what_its_end_proves() {
        let ended = failed(BuildFault::Command { exit_code: 3 }, "exit code: 3", PUSH);
        says(
            &ended,
            &["DF201", "line 2", "exited with code 3", "then push"],
        );
        says_not(&ended, &["memory", "network", "space", "dayfly up"]);
        let killed = failed(BuildFault::Killed, "exit code: 137", PUSH);
        says(
            &killed,
            &[
                "DF205",
                "killed (exit code 137)",
                "memory ran out or by another program",
                "If memory is the cause",
            ],
        );
        says_not(&killed, &["exited with"]);
        let line = "curl: (6) Could not resolve host: db".to_owned();
        let exit_code = 6;
        let offline = failed(
            BuildFault::Network { exit_code, line },
            "exit code: 6",
            PUSH,
        );
        says(
            &offline,
            &[
                "DF211",
                "exited with code 6",
                "host: db",
                "services or databases",
            ],
        );
        says_not(&offline, &["space", "memory"]);
    }

    #[test]
    fn a_full_disk_of_the_engine_is_told_from_a_full_device_of_a_command() {
        let engine = failed(
            BuildFault::Disk { line: None },
            "no space left on device",
            PUSH,
        );
        says(&engine, &["DF210", "disk of the engine is full", "doctor"]);
        says_not(&engine, &["/dev/shm"]);
        let line = Some("tar: No space left on device".to_owned());
        let command = failed(BuildFault::Disk { line }, "exit code: 1", PUSH);
        says(
            &command,
            &[
                "DF210",
                "tar: No space",
                "If the command wrote to the image",
                "/dev/shm",
            ],
        );
    }

    #[test]
    fn a_file_that_is_not_found_is_told_by_where_it_should_be() {
        let nowhere = not_found(Absence::NotCommitted, PUSH);
        says(
            &nowhere,
            &[
                "DF207",
                "not in the build context",
                "Commit the file",
                "Then push",
            ],
        );
        let neighbours = ["ignore", "submodule", "dayfly up"];
        says_not(&nowhere, &neighbours);
        let sent = not_found(Absence::NotCommitted, UP);
        says(
            &sent,
            &["DF207", ".gitignore lists are not sent", "dayfly up"],
        );
        says_not(&sent, &["ommit", "push", ".dockerignore"]);
        let by = "app/web.Dockerfile.dockerignore".to_owned();
        let ignored = not_found(Absence::Ignored { by }, PUSH);
        says(
            &ignored,
            &[
                "app/web.Dockerfile.dockerignore keeps it out",
                "`!app/dist` to app/web.Dockerfile.dockerignore",
            ],
        );
        says_not(
            &ignored,
            &["Commit", "submodule", "not in the build context"],
        );
        let stage = "build".to_owned();
        let elsewhere = not_found(Absence::Elsewhere { stage }, PUSH);
        says(&elsewhere, &["DF207", "`build` has no /app/dist"]);
        says_not(&elsewhere, &["context", "Commit", "ignore", "submodule"]);
    }

    #[test]
    fn a_submodule_that_was_not_fetched_is_told_from_one_that_was_not_sent() {
        let missing = |lack| {
            Absence::Missing(Missing {
                kind: MissingKind::Submodule,
                path: "app".to_owned(),
                lack,
            })
        };
        let fetched = missing(Lack::NotFetched("its forge is away".to_owned()));
        let fetched = not_found(fetched, PUSH);
        says(
            &fetched,
            &[
                "DF207",
                "submodule app, which was not fetched: its forge is away",
                "github.submodules",
            ],
        );
        says_not(&fetched, &["git submodule update", "ignore", "Commit"]);
        let sent = not_found(missing(Lack::NotSent), UP);
        says(
            &sent,
            &[
                "DF207",
                "submodule app, which was not sent",
                "git submodule update --init",
                "dayfly up",
            ],
        );
        says_not(&sent, &["fetched", "github.submodules", "push", "ignore"]);
    }

    #[test]
    fn a_file_in_git_lfs_that_was_not_fetched_is_no_submodule() {
        let lfs = Absence::Missing(Missing {
            kind: MissingKind::LfsFile,
            path: "app/dist".to_owned(),
            lack: Lack::NotFetched("the forge has no such object".to_owned()),
        });
        let lfs = not_found(lfs, PUSH);
        let file = "the Git LFS file app/dist was not fetched: the forge has no such object";
        says(&lfs, &["DF207", file, "without Git LFS", "push"]);
        says_not(&lfs, &["submodule", "ignore", "not in the build context"]);
    }

    #[test]
    fn what_the_builder_does_not_know_is_told_from_what_it_cannot_read() {
        let level = Some("1.2");
        let unknown = Some("HEALTHCHEK".to_owned());
        let word = failed(
            BuildFault::Dockerfile {
                unknown: unknown.clone(),
                level,
            },
            "x",
            PUSH,
        );
        says(
            &word,
            &[
                "DF206",
                "`HEALTHCHEK`",
                "spelling",
                "syntax 1.2",
                "`# syntax=docker/dockerfile:1`",
            ],
        );
        let named = failed(
            BuildFault::Dockerfile {
                unknown,
                level: None,
            },
            "x",
            PUSH,
        );
        says(&named, &["DF206", "`HEALTHCHEK`", "newer version"]);
        says_not(&named, &["the first line", "1.2"]);
        let said = "FROM requires either one or three arguments";
        let wrong = failed(
            BuildFault::Dockerfile {
                unknown: None,
                level,
            },
            said,
            PUSH,
        );
        says(&wrong, &["DF206", said, "Fix the Dockerfile"]);
        says_not(&wrong, &["spelling", "# syntax"]);
    }

    #[test]
    fn an_image_that_is_not_there_is_told_by_who_names_it_and_what_its_registry_said() {
        let base = |is_syntax, said| {
            let (image, registry) = (
                "registry.example/a:1".to_owned(),
                "registry.example".to_owned(),
            );
            let username = None;
            failed(
                BuildFault::Base {
                    image,
                    is_syntax,
                    registry,
                    username,
                },
                said,
                PUSH,
            )
        };
        let from = base(false, "registry.example/a:1: not found");
        says(
            &from,
            &[
                "DF208",
                "the image registry.example/a:1",
                "without a log-in",
                "FROM",
                "build stage",
            ],
        );
        says_not(&from, &["syntax", "could not be reached"]);
        let away = base(false, "dial tcp: lookup registry.example: no such host");
        says(&away, &["DF208", "could not be reached"]);
        let syntax = base(true, "registry.example/a:1: not found");
        says(&syntax, &["DF208", "`# syntax=` line"]);
        says_not(&syntax, &["FROM"]);
        let platform = failed(BuildFault::Platform, "no match for platform", PUSH);
        says(&platform, &["DF209", "processor"]);
        says_not(&platform, &["log-in", "tag"]);
    }

    #[test]
    fn limits_of_the_server_are_told_with_their_keys() {
        let late = diagnosed(&BuildError::timed_out(Duration::from_secs(9)), &[], PUSH);
        says(&late, &["DF204", "after 9s", "build_seconds_max"]);
        says_not(&late, &["image_mib_max", "Fix"]);
        let (bytes, bytes_max) = (20 << 20, 10 << 20);
        let large = failed(BuildFault::Size { bytes, bytes_max }, "x", PUSH);
        says(
            &large,
            &["DF212", "20 MiB", "10 MiB at most", "image_mib_max"],
        );
        says_not(&large, &["build_seconds_max", "disk"]);
    }

    #[test]
    fn a_dockerfile_that_is_not_there_is_told_from_a_context_that_cannot_be_sent() {
        let path = || "app/Dockerfile".to_owned();
        let none = diagnosed(&BuildError::NoDockerfile { path: path() }, &[], PUSH);
        says(
            &none,
            &[
                "DF202",
                "app/Dockerfile is not in the commit",
                "Commit the file",
            ],
        );
        says_not(&none, &["dayfly up"]);
        let sent = diagnosed(&BuildError::NoDockerfile { path: path() }, &[], UP);
        says(
            &sent,
            &["DF202", "not in the files that were sent", "dayfly up"],
        );
        says_not(&sent, &["ommit", "push"]);
        let unfit = BuildError::Context(".dockerignore:2: `!` needs a pattern".to_owned());
        let unfit = diagnosed(&unfit, &[], PUSH);
        says(
            &unfit,
            &["DF201", ".dockerignore:2", "Fix the problem above"],
        );
        says_not(&unfit, &["last lines", "Commit"]);
        let other = failed(BuildFault::Other, "something else", PUSH);
        says(
            &other,
            &["DF201", "something else", "last output of the build"],
        );
        let silent = diagnosed(&BuildError::failed("something else"), &[], PUSH);
        says(&silent, &["DF201", "printed nothing"]);
    }

    #[test]
    fn a_prebuilt_image_is_told_by_why_it_is_not_there() {
        let web = service("web");
        let (reference, why) = ("acme/web:{pr}".to_owned(), "manifest unknown".to_owned());
        let none = diagnosed(&BuildError::NoImage { reference, why }, &[], PUSH);
        says(&none, &["DF203", "the tag in `image`"]);
        says_not(&none, &["CI", "reached"]);
        let bad = bad_reference(&web, "acme/web:{pr}", "{pr} means nothing here");
        says(&bad, &["DF213", "means nothing here", "[services.web]"]);
        says_not(&bad, &["CI", "registry", "tag"]);
        let limit = Duration::from_secs(2);
        let late = |why| image_never_came(&web, ("acme/web:1", why), limit, PUSH);
        says(
            &late("manifest unknown"),
            &["DF214", "acme/web:1", "within 2s", "CI", "then push"],
        );
        let away = late("dial tcp: connection refused");
        says(&away, &["DF214", "could not be reached"]);
        says_not(&away, &["CI built"]);
    }
}
