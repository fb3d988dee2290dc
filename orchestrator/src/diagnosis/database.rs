//! A database cannot be made, or a migration fails.

use std::time::Duration;

use deploy::{blueprint::Command, databases::DatabaseError, engine::Ended, names::DatabaseName};

use super::say::diagnosis;
use crate::lifecycle::Diagnosis;

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
