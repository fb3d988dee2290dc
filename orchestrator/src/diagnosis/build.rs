//! The image cannot be made or had.

use std::time::Duration;

use deploy::{
    blueprint::Service,
    builder::{BuildError, BuildFault},
    names::ServiceName,
    source::{Absence, Missing, MissingKind},
};

use super::say::diagnosis;
use crate::{config::Limits, lifecycle::Diagnosis, text};

/// The image cannot be made.
pub fn build(
    service: &ServiceName,
    error: &BuildError,
    limits: &Limits,
    tail: Vec<String>,
) -> Diagnosis {
    match error {
        BuildError::Failed {
            fault,
            step,
            line,
            message,
        } => {
            if let Some(limit) = of_limits(service, fault) {
                return limit;
            }
            let failure = || Failure {
                service,
                place: place(step.as_deref(), *line),
                said: message.lines().next().unwrap_or_default(),
                tail: tail.clone(),
            };
            let named = failure().of_dockerfile(fault);
            named.unwrap_or_else(|| failure().of_command(fault, limits))
        }
        BuildError::NoDockerfile { path } => {
            let sentence = format!("Building {service} failed: {path} is not in the commit");
            let action =
                "Commit the file, or name the right one with `build.dockerfile` in dayfly.toml.";
            diagnosis("DF202", sentence, Vec::new(), action)
        }
        BuildError::NoImage { reference, why } => {
            let sentence = format!("The image {reference} of {service} cannot be had: {why}");
            let action = "Check the name and the tag, and that this host may pull it; log-ins \
                          stand in the file that `engine.registry_auth_file` names on the server.";
            diagnosis("DF203", sentence, Vec::new(), action)
        }
        other => {
            let sentence = format!("Building {service} failed: {other}");
            let action = "Mend what is named above and push.";
            diagnosis("DF201", sentence, tail, action)
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

/// The end of a sentence that says where it failed and why.
struct Failure<'a> {
    service: &'a ServiceName,
    place: String,
    /// The builder's sentence; what the step printed is evidence.
    said: &'a str,
    tail: Vec<String>,
}

impl Failure<'_> {
    fn why(&self, what: impl std::fmt::Display) -> String {
        format!("Building {} failed{}: {what}", self.service, self.place)
    }

    /// A command of the Dockerfile, or what it needs of the host.
    fn of_command(self, fault: &BuildFault, limits: &Limits) -> Diagnosis {
        let (code, sentence, action) = match fault {
            BuildFault::Command { exit_code } => (
                "DF201",
                self.why(format!("the command ended with {exit_code}")),
                "Mend it and push, or run `dayfly up` again. `dayfly logs ID --build` shows all \
                 that it printed."
                    .to_owned(),
            ),
            BuildFault::Memory => (
                "DF205",
                self.why("the command was killed, most likely for memory"),
                more_memory(limits),
            ),
            BuildFault::Disk => (
                "DF210",
                self.why("the disk of the engine is full"),
                "Free space on the server; `dayfly doctor` shows how much there is.".to_owned(),
            ),
            BuildFault::Network => (
                "DF211",
                self.why("the command could not reach the network"),
                "Check that the server can reach what the step downloads; its last lines are \
                 shown."
                    .to_owned(),
            ),
            _ => (
                "DF201",
                self.why(self.said),
                "The last lines of the build are shown; the step that failed is named above."
                    .to_owned(),
            ),
        };
        diagnosis(code, sentence, self.tail, action)
    }

    /// The Dockerfile, and what it names.
    fn of_dockerfile(self, fault: &BuildFault) -> Option<Diagnosis> {
        let (code, sentence, action) = match fault {
            BuildFault::Dockerfile { unknown, level } => {
                let what = unknown.as_ref().map_or_else(
                    || self.said.to_owned(),
                    |unknown| format!("this engine's builder does not know `{unknown}`"),
                );
                let action = format!(
                    "The builder reads Dockerfile syntax {level}. Check the spelling, or put \
                     `# syntax=docker/dockerfile:1` on the first line where the server can reach \
                     that image."
                );
                ("DF206", self.why(what), action)
            }
            BuildFault::NotFound {
                path,
                absence: Absence::Missing(missing),
            } => {
                let (what, action) = missing_from(path, missing);
                ("DF207", self.why(what), action.to_owned())
            }
            BuildFault::NotFound {
                path,
                absence: Absence::Ignored,
            } => {
                let what = format!("{path} is in the commit, and .dockerignore keeps it out");
                let line = path.trim_start_matches('/');
                let line = text::code_span(&format!("!{line}"));
                let action = format!("Add the line {line} to .dockerignore.");
                ("DF207", self.why(what), action)
            }
            BuildFault::NotFound { path, .. } => {
                let what = format!("{path} is not in the build context");
                let action = "Commit the file, or mend the path: it counts from the folder that \
                              `build.context` names. What .gitignore names is not sent.";
                ("DF207", self.why(what), action.to_owned())
            }
            BuildFault::Base {
                image,
                registry,
                username,
            } => {
                let asked = match username {
                    Some(username) => format!("{registry} was asked as {username:?}"),
                    None => format!("{registry} was asked without a log-in"),
                };
                let said = self.said;
                let what = format!("the base image {image} cannot be had; {asked}: {said}");
                let action = "Check the name and the tag after FROM. A private registry needs a \
                              log-in in the file that `engine.registry_auth_file` names on the \
                              server.";
                ("DF208", self.why(what), action.to_owned())
            }
            BuildFault::Platform => (
                "DF209",
                self.why("a base image does not exist for this machine's processor"),
                "Use a base image that is published for the server's platform.".to_owned(),
            ),
            _ => return None,
        };
        Some(diagnosis(code, sentence, Vec::new(), action))
    }
}

/// What of the commit was not fetched, and what to do.
fn missing_from(path: &str, missing: &Missing) -> (String, &'static str) {
    let Missing {
        kind,
        path: place,
        why,
    } = missing;
    match kind {
        MissingKind::Submodule => (
            format!("{path} is in the submodule {place}, which was not fetched: {why}"),
            "Let everybody read the submodule, or ask the operator of the server to list it in \
             `github.submodules`; then push again.",
        ),
        MissingKind::LfsFile => (
            format!("the Git LFS file {place} was not fetched: {why}"),
            "Do what the reason says and build again, or commit the file without Git LFS.",
        ),
    }
}

fn more_memory(limits: &Limits) -> String {
    match limits.build_memory_mib_max {
        Some(mib) => format!(
            "All builds of this server together may use {mib} MiB. Make the step use less, or \
             raise `limits.build_memory_mib_max`."
        ),
        None => {
            "Make the step use less memory (fewer jobs at once), or give the host more.".to_owned()
        }
    }
}

/// The operator's limits were reached.
fn of_limits(service: &ServiceName, fault: &BuildFault) -> Option<Diagnosis> {
    match fault {
        BuildFault::Time { limit } => {
            let sentence = format!("Building {service} was stopped after {}s", limit.as_secs());
            let action =
                "Make the build shorter, or raise `limits.build_seconds_max` on the server.";
            Some(diagnosis("DF204", sentence, Vec::new(), action))
        }
        BuildFault::Size { bytes, bytes_max } => {
            let sentence = format!(
                "The image of {service} has {} MiB; this server takes {} MiB at most",
                bytes >> 20,
                bytes_max >> 20
            );
            let action = "Make it smaller (a stage of its own for what is only needed to build), \
                          or raise `limits.image_mib_max` on the server.";
            Some(diagnosis("DF212", sentence, Vec::new(), action))
        }
        _ => None,
    }
}

/// A prebuilt image's name cannot be made out.
pub fn bad_reference(service: &Service, reference: &str, why: &str) -> Diagnosis {
    let sentence = format!("The image {reference} of {}: {why}", service.name);
    let action = "Mend `image` in dayfly.toml.";
    diagnosis("DF213", sentence, Vec::new(), action)
}

/// An image that somebody else builds for the commit did not appear.
pub fn image_never_came(service: &Service, error: &BuildError, limit: Duration) -> Diagnosis {
    let sentence = format!(
        "The image of {} did not appear within {}s: {error}",
        service.name,
        limit.as_secs()
    );
    let action = "Check that CI built and pushed it for this commit, then push again; \
                  `limits.image_wait_seconds_max` on the server says how long it is waited for.";
    diagnosis("DF214", sentence, Vec::new(), action)
}
