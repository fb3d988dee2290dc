//! A database cannot be made, or a migration fails.

use std::time::Duration;

use deploy::{blueprint::Command, databases::DatabaseError, engine::Ended, names::DatabaseName};

use super::say::diagnosis;
use crate::lifecycle::Diagnosis;

/// The database cannot be made, copied or started.
pub fn database(name: &DatabaseName, error: &DatabaseError) -> Diagnosis {
    let (code, evidence, action) = match error {
        DatabaseError::Seed { output, .. } => (
            "DF402",
            output.clone(),
            "Mend the seed, then push or run `dayfly up` again; the database is made anew from it.",
        ),
        DatabaseError::SeedUnfit { .. } => (
            "DF407",
            Vec::new(),
            "Give it a seed of its own kind in dayfly.toml, then push or run `dayfly up` again.",
        ),
        DatabaseError::NoImage { .. } => (
            "DF403",
            Vec::new(),
            "Check `engine` in dayfly.toml, and that this host may pull the image.",
        ),
        DatabaseError::Version { .. } => (
            "DF408",
            Vec::new(),
            "Use the version that made the data, or let the database start again from its seed: \
             `dayfly reset-db`, or `on_push = \"reset\"`.",
        ),
        DatabaseError::NotReady {
            output,
            out_of_memory: true,
            ..
        } => (
            "DF409",
            output.clone(),
            "It was killed for memory. Raise its `memory` in dayfly.toml, or make its seed smaller.",
        ),
        DatabaseError::NotReady { output, .. } => (
            "DF404",
            output.clone(),
            "The server's last lines are shown.",
        ),
        DatabaseError::NoData(_) => (
            "DF410",
            Vec::new(),
            "What it should be a copy of is gone. Push or run `dayfly up` again to start from the seed.",
        ),
        DatabaseError::OverQuota { .. } => (
            "DF415",
            Vec::new(),
            "It was stopped; its data are kept. Let it start again from its seed with \
             `dayfly reset-db`, or raise `limits.database_mib_max` on the server.",
        ),
        DatabaseError::Full(_) => (
            "DF411",
            Vec::new(),
            "Nothing was lost. Remove previews, captures or snapshots, or give the pool more room; \
             then push or run `dayfly up` again.",
        ),
        DatabaseError::Pool(_) => (
            "DF412",
            Vec::new(),
            "`dayfly doctor` says what the pool needs.",
        ),
        DatabaseError::Engine(_) => (
            "DF404",
            Vec::new(),
            "Push or run `dayfly up` again to retry.",
        ),
    };
    diagnosis(code, format!("Database {name}: {error}"), evidence, action)
}

/// The snapshot that the blueprint names is not there.
pub fn snapshot_missing(name: &str) -> Diagnosis {
    let action =
        "`dayfly snapshot ls` shows those that are there; `dayfly snapshot import` makes one.";
    diagnosis(
        "DF413",
        format!("The server has no snapshot called {name}"),
        Vec::new(),
        action,
    )
}

/// The snapshot that the blueprint names is of real people's data.
pub fn snapshot_real(name: &str, why: &str) -> Diagnosis {
    let action = "Use a masked or synthetic one: `dayfly snapshot import NAME FILE --mask SCRIPT`.";
    diagnosis(
        "DF414",
        format!("The snapshot {name} holds real data, and {why}"),
        Vec::new(),
        action,
    )
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
    let action = "Its last lines are shown; mend it, then push or run `dayfly up` again.";
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
