//! The image cannot be made or had.

use std::time::Duration;

use deploy::{
    blueprint::Service,
    builder::{BuildError, BuildFault},
    names::ServiceName,
};

use super::say::diagnosis;
use crate::{lifecycle::Diagnosis, worker::Limits};

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
            let place = place(step.as_deref(), *line);
            failed(service, fault, &place, message, limits, tail)
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

fn failed(
    service: &ServiceName,
    fault: &BuildFault,
    place: &str,
    message: &str,
    limits: &Limits,
    tail: Vec<String>,
) -> Diagnosis {
    // The builder's sentence is one line; the step's last lines are evidence.
    let said = message.lines().next().unwrap_or_default();
    let why = |what: String| format!("Building {service} failed{place}: {what}");
    match fault {
        BuildFault::Command { exit_code } => {
            let sentence = why(format!("the command ended with {exit_code}"));
            let action = "Its last lines are below; mend it and push. `dayfly logs --build` shows all of them.";
            diagnosis("DF201", sentence, tail, action)
        }
        BuildFault::Memory => {
            let sentence = why("the command was killed, most likely for memory".to_owned());
            let action = match limits.build_memory_mib_max {
                Some(mib) => format!(
                    "All builds of this server together may use {mib} MiB. Make the step use \
                     less, or raise `limits.build_memory_mib_max`."
                ),
                None => "Make the step use less memory (fewer jobs at once), or give the host \
                         more."
                    .to_owned(),
            };
            diagnosis("DF205", sentence, tail, action)
        }
        BuildFault::Time { limit } => {
            let sentence = format!("Building {service} was stopped after {}s", limit.as_secs());
            let action =
                "Make the build shorter, or raise `limits.build_seconds_max` on the server.";
            diagnosis("DF204", sentence, tail, action)
        }
        BuildFault::Dockerfile { unknown, level } => {
            let what = unknown.as_ref().map_or_else(
                || said.to_owned(),
                |unknown| format!("this engine's builder does not know `{unknown}`"),
            );
            let action = format!(
                "The builder reads Dockerfile syntax {level}. Check the spelling, or put \
                 `# syntax=docker/dockerfile:1` on the first line where the server can reach \
                 that image."
            );
            diagnosis("DF206", why(what), Vec::new(), action)
        }
        BuildFault::NotFound { path, ignored } => not_found(why, path, *ignored),
        BuildFault::Base {
            image,
            registry,
            username,
        } => {
            let asked = match username {
                Some(username) => format!("{registry} was asked as {username:?}"),
                None => format!("{registry} was asked without a log-in"),
            };
            let sentence = why(format!("the base image {image} cannot be had; {asked}: {said}"));
            let action = "Check the name and the tag after FROM. A private registry needs a \
                          log-in in the file that `engine.registry_auth_file` names on the server.";
            diagnosis("DF208", sentence, Vec::new(), action)
        }
        BuildFault::Platform => {
            let sentence = why("a base image does not exist for this machine's processor".into());
            let action = "Use a base image that is published for the server's platform.";
            diagnosis("DF209", sentence, Vec::new(), action)
        }
        BuildFault::Disk => {
            let sentence = why("the disk of the engine is full".to_owned());
            let action = "Free space on the server; `dayfly doctor` shows how much there is.";
            diagnosis("DF210", sentence, tail, action)
        }
        BuildFault::Network => {
            let sentence = why("the command could not reach the network".to_owned());
            let action = "Check that the server can reach what the step downloads; its last lines are below.";
            diagnosis("DF211", sentence, tail, action)
        }
        BuildFault::Size { bytes, bytes_max } => {
            let sentence = format!(
                "The image of {service} has {} MiB; this server takes {} MiB at most",
                bytes >> 20,
                bytes_max >> 20
            );
            let action = "Make it smaller (a stage of its own for what is only needed to build), \
                          or raise `limits.image_mib_max` on the server.";
            diagnosis("DF212", sentence, Vec::new(), action)
        }
        BuildFault::Other => {
            let action =
                "The last lines of the build are below; the step that failed is named above.";
            diagnosis("DF201", why(said.to_owned()), tail, action)
        }
    }
}

fn not_found(why: impl Fn(String) -> String, path: &str, ignored: bool) -> Diagnosis {
    if ignored {
        let sentence = why(format!("{path} is in the commit, and .dockerignore keeps it out"));
        let action = format!("Add the line `!{}` to .dockerignore.", path.trim_start_matches('/'));
        return diagnosis("DF207", sentence, Vec::new(), action);
    }
    let sentence = why(format!("{path} is not in the build context"));
    let action = "Commit the file, or mend the path: it counts from the folder that `build.context` names.";
    diagnosis("DF207", sentence, Vec::new(), action)
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
