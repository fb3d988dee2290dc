//! What broke, in words for the person who can mend it.
//!
//! All sentences about failures of a revision live here. `DF1xx` is about the checkout, `DF2xx`
//! about building, `DF3xx` about starting, `DF4xx` about databases, `DF9xx` about ourselves.

use std::time::Duration;

use deploy::{
    blueprint::{BlueprintError, Command, Service},
    builder::BuildError,
    databases::DatabaseError,
    engine::{Ended, Probe},
    names::{DatabaseName, ServiceName},
};

use crate::{lifecycle::Diagnosis, text};

/// How many lines of evidence a diagnosis carries.
pub const EVIDENCE_LINES_MAX: usize = 30;

fn diagnosis(
    code: &str,
    sentence: String,
    evidence: Vec<String>,
    action: impl Into<String>,
) -> Diagnosis {
    let skip = evidence.len().saturating_sub(EVIDENCE_LINES_MAX);
    let evidence = evidence
        .iter()
        .skip(skip)
        .map(|line| text::plain(line))
        .collect();
    let sentence = text::plain(&sentence);
    Diagnosis {
        code: code.to_owned(),
        sentence,
        evidence,
        action: action.into(),
    }
}

/// The checkout does not say what to run.
pub fn blueprint(error: &BlueprintError) -> Diagnosis {
    let said = error.to_string();
    let mut lines = said.lines().map(str::to_owned);
    let sentence = lines.next().unwrap_or_default();
    let action = "Mend it and push; `dayfly up` tries it without a push.";
    diagnosis("DF101", sentence, lines.collect(), action)
}

/// The commit cannot be had.
pub fn source(why: &str) -> Diagnosis {
    let action =
        "Check that the commit is still on the forge and that Dayfly may read the repository.";
    diagnosis(
        "DF102",
        format!("The commit cannot be fetched: {why}"),
        Vec::new(),
        action,
    )
}

/// A service asks for more than the server gives.
pub fn too_greedy(service: &Service, mib_max: u64) -> Diagnosis {
    let (name, mib) = (&service.name, service.memory_bytes / (1024 * 1024));
    let sentence =
        format!("{name} asks for {mib} MiB of memory; this server gives {mib_max} at most");
    let action = format!(
        "Lower `memory` of [services.{name}], or raise `limits.service_memory_mib_max` on the server."
    );
    diagnosis("DF103", sentence, Vec::new(), action)
}

/// The image cannot be made.
pub fn build(service: &ServiceName, error: &BuildError, tail: Vec<String>) -> Diagnosis {
    let action = "The last lines of the build are below; the step that failed is named above.";
    match error {
        BuildError::Failed {
            step: Some(step),
            message,
        } => {
            let sentence = format!("Building {service} failed at {step}: {message}");
            diagnosis("DF201", sentence, tail, action)
        }
        BuildError::NoDockerfile { path } => {
            let sentence = format!("Building {service} failed: {path} is not in the commit");
            let action =
                "Commit the file, or name the right one with `build.dockerfile` in dayfly.toml.";
            diagnosis("DF202", sentence, Vec::new(), action)
        }
        BuildError::NoImage { reference, why } => {
            let sentence = format!("The image {reference} of {service} cannot be had: {why}");
            let action = "Check the name and the tag, and that this host may pull it.";
            diagnosis("DF203", sentence, Vec::new(), action)
        }
        other => diagnosis(
            "DF201",
            format!("Building {service} failed: {other}"),
            tail,
            action,
        ),
    }
}

/// The build took too long.
pub fn build_timed_out(service: &ServiceName, limit: Duration) -> Diagnosis {
    let sentence = format!("Building {service} was stopped after {}s", limit.as_secs());
    let action = "Make the build shorter, or raise `limits.build_seconds_max` on the server.";
    diagnosis("DF204", sentence, Vec::new(), action)
}

/// The engine would not start the container.
pub fn start_refused(service: &ServiceName, why: &str) -> Diagnosis {
    let sentence = format!("{service} could not be started: {why}");
    let action = "Usually the command does not exist in the image: check `command` and the Dockerfile's CMD.";
    diagnosis("DF304", sentence, Vec::new(), action)
}

/// The container ended before it served.
pub fn exited(
    service: &Service,
    exit_code: i64,
    out_of_memory: bool,
    evidence: Vec<String>,
) -> Diagnosis {
    let name = &service.name;
    if out_of_memory {
        let mib = service.memory_bytes / (1024 * 1024);
        let sentence = format!("{name} was killed for memory: it may use {mib} MiB");
        let action = format!("Raise `memory` of [services.{name}] in dayfly.toml, or use less.");
        return diagnosis("DF303", sentence, evidence, action);
    }
    match exit_code {
        126 | 127 => {
            let sentence = format!(
                "{name} ended with {exit_code}: its command was not found or may not be run"
            );
            let action = "Check `command` and the Dockerfile's CMD; a script needs its interpreter and its run bit.";
            diagnosis("DF304", sentence, evidence, action)
        }
        0 => {
            let sentence = format!("{name} ended by itself with 0 before it served");
            let action = "The command has to stay in the foreground for as long as it serves.";
            diagnosis("DF305", sentence, evidence, action)
        }
        code => {
            let sentence = format!("{name} ended with {code} before it served");
            let action = "Its last lines are below; `dayfly logs` shows more.";
            diagnosis("DF301", sentence, evidence, action)
        }
    }
}

/// The container runs but does not answer as it should.
pub fn not_ready(
    service: &Service,
    found: &Probe,
    limit: Duration,
    evidence: Vec<String>,
) -> Diagnosis {
    let (name, port, seconds) = (&service.name, service.port, limit.as_secs());
    match found {
        Probe::Status(status) => {
            let sentence = format!(
                "{name} answers its health check with {status}, {seconds}s after its start"
            );
            let action = format!(
                "Mend what answers, or name another path with `health` in [services.{name}]."
            );
            diagnosis("DF306", sentence, evidence, action)
        }
        Probe::Silent => {
            let sentence =
                format!("{name} accepts connections on port {port} but does not answer HTTP");
            let action =
                format!("Check that it speaks HTTP there, or set `port` in [services.{name}].");
            diagnosis("DF307", sentence, evidence, action)
        }
        Probe::Refused | Probe::Ready => {
            let sentence = format!(
                "nothing accepts connections on port {port} of {name}, {seconds}s after its start"
            );
            let action = format!(
                "Listen on 0.0.0.0 (not 127.0.0.1) and on $PORT, or set `port` in [services.{name}]."
            );
            diagnosis("DF302", sentence, evidence, action)
        }
    }
}

/// The database cannot be made.
pub fn database(name: &DatabaseName, error: &DatabaseError) -> Diagnosis {
    match error {
        DatabaseError::Seed { .. } => {
            let action = "Mend the seed and push; the database is made anew from it.";
            diagnosis(
                "DF402",
                format!("Database {name}: {error}"),
                Vec::new(),
                action,
            )
        }
        DatabaseError::NoImage { .. } => {
            let action = "Check `engine` in dayfly.toml, and that this host may pull the image.";
            diagnosis(
                "DF403",
                format!("Database {name}: {error}"),
                Vec::new(),
                action,
            )
        }
        DatabaseError::NotReady { output, .. } => {
            let action = "The server's last lines are below.";
            diagnosis(
                "DF404",
                format!("Database {name}: {error}"),
                output.clone(),
                action,
            )
        }
        DatabaseError::Engine(error) => diagnosis(
            "DF404",
            format!("Database {name}: {error}"),
            Vec::new(),
            "Push again to retry.",
        ),
    }
}

/// The seed is not in the commit.
pub fn seed_missing(path: &str) -> Diagnosis {
    let action = "Commit the file, or mend `seed` in dayfly.toml.";
    diagnosis(
        "DF401",
        format!("The seed {path} is not in the commit"),
        Vec::new(),
        action,
    )
}

/// The migration's command could not be started.
pub fn migration_refused(name: &DatabaseName, why: &str) -> Diagnosis {
    let action =
        "Check `migrate.run` in dayfly.toml: the command has to exist in the service's image.";
    let sentence = format!("The migration of {name} could not be started: {why}");
    diagnosis("DF405", sentence, Vec::new(), action)
}

/// The migration failed.
pub fn migration_failed(name: &DatabaseName, command: &Command, ended: &Ended) -> Diagnosis {
    let run = command.0.join(" ");
    let sentence = if ended.out_of_memory {
        format!("The migration of {name} (`{run}`) was killed for memory")
    } else {
        format!(
            "The migration of {name} (`{run}`) ended with {}",
            ended.exit_code
        )
    };
    let action = "Its last lines are below; mend it and push.";
    diagnosis("DF405", sentence, ended.output.clone(), action)
}

/// The migration took too long.
pub fn migration_timed_out(name: &DatabaseName, limit: Duration) -> Diagnosis {
    let sentence = format!(
        "The migration of {name} was stopped after {}s",
        limit.as_secs()
    );
    let action = "Make it shorter, or raise `limits.migrate_seconds_max` on the server.";
    diagnosis("DF406", sentence, Vec::new(), action)
}

/// The server died again and again while doing this.
pub fn gave_up(what: &str) -> Diagnosis {
    let sentence =
        format!("The server ended again and again during {what}, so this commit is left alone");
    let action = "See the server's log; ask for the preview again once the server is well.";
    diagnosis("DF901", sentence, Vec::new(), action)
}
