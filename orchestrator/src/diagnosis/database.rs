//! Diagnoses of databases that cannot be created, and of failed migrations.

use std::time::Duration;

use deploy::{
    blueprint::Migrate,
    databases::DatabaseError,
    docker::does_not_see,
    engine::{Ended, EngineError},
    names::DatabaseName,
};

use super::{
    refusal, registry,
    say::{diagnosis, last_lines},
    way::{Way, capital},
};
use crate::lifecycle::Diagnosis;

/// Exit codes of shells: the command is not executable, or was not found.
const NOT_RUNNABLE: i64 = 126;
const NOT_FOUND: i64 = 127;

/// How Docker can see the data directory.
const SHARE_FILES: &str = "run Dayfly on Docker's host, or mount the directory at the same path in \
                           both containers";

/// The operation on a database that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataStep {
    /// Its data was created from its seed.
    Seed,
    /// Its data was copied.
    Copy,
    /// Its server was started on existing data.
    Start,
}

/// The database cannot be created, copied or started.
pub fn database(name: &DatabaseName, step: DataStep, error: &DatabaseError, way: Way) -> Diagnosis {
    let (again, doctor) = (way.again(), capital(&way.doctor()));
    let (code, evidence, action) = match error {
        DatabaseError::Seed { output, .. } => (
            "DF402",
            output.clone(),
            format!("Fix the seed, then {again}. Dayfly recreates the database from the seed."),
        ),
        // Only an import has a mask.
        DatabaseError::SeedUnfit { .. }
        | DatabaseError::Mask { .. }
        | DatabaseError::Unmasked(_) => (
            "DF407",
            Vec::new(),
            match way.has_file() {
                true => format!(
                    "Change `seed` or `engine` of [databases.{name}] in dayfly.toml, then {again}."
                ),
                false => "Create the database again with another snapshot or another engine: \
                          `dayfly db create ENGINE --from SNAPSHOT`."
                    .to_owned(),
            },
        ),
        DatabaseError::NoImage { why, .. } => {
            let place = match way.has_file() {
                true => "`engine` in dayfly.toml",
                false => "the engine that you gave to `dayfly db create`",
            };
            ("DF403", Vec::new(), registry::action(place, why))
        }
        DatabaseError::Version { .. } => ("DF408", Vec::new(), version(step, way)),
        DatabaseError::NotReady {
            output,
            out_of_memory: true,
            ..
        } => ("DF409", output.clone(), memory(name, step, way)),
        DatabaseError::NotReady { output, .. } => {
            ("DF404", output.clone(), not_ready(name, output, way))
        }
        DatabaseError::NoData(_) => ("DF410", Vec::new(), no_data(name, step, way)),
        DatabaseError::OverQuota { .. } => ("DF415", Vec::new(), over_quota(name, step, way)),
        DatabaseError::Full(_) => ("DF411", Vec::new(), full(step, way)),
        DatabaseError::Pool(_) => (
            "DF412",
            Vec::new(),
            format!("{doctor}: it checks the pool of databases, and says how to fix the pool."),
        ),
        DatabaseError::Engine(error) if does_not_see(error) => (
            "DF902",
            Vec::new(),
            format!(
                "Docker cannot see Dayfly's data directory. {}; then {again}.",
                capital(&way.operator(SHARE_FILES))
            ),
        ),
        DatabaseError::Engine(EngineError::Refused { .. }) => (
            "DF416",
            Vec::new(),
            format!("{doctor} to check Docker. Once Docker works, {again}."),
        ),
        DatabaseError::Engine(_) => ("DF404", Vec::new(), way.retry()),
    };
    diagnosis(code, format!("Database {name}: {error}"), evidence, action)
}

/// The server exited, or never answered.
fn not_ready(name: &DatabaseName, output: &[String], way: Way) -> String {
    let printed = last_lines(output, &format!("database {name}"));
    match output {
        [] => format!("{printed} {}", way.retry()),
        _ => format!(
            "{printed} Fix the cause that they name, then {}.",
            way.again()
        ),
    }
}

fn version(step: DataStep, way: Way) -> String {
    let again = way.again();
    match (step, way.has_file()) {
        (_, false) => "Create the database again with the version that made the data: `dayfly db \
                       create ENGINE --from SNAPSHOT`."
            .to_owned(),
        (DataStep::Seed, true) => {
            format!("Set `engine` in dayfly.toml to the version that made the data, then {again}.")
        }
        (_, true) => format!(
            "Set `engine` in dayfly.toml to the version that made the data, or set `on_push = \
             \"reset\"` to recreate the database from its seed; then {again}. `dayfly \
             reset-db`{} recreates it too.",
            way.on_server()
        ),
    }
}

fn memory(name: &DatabaseName, step: DataStep, way: Way) -> String {
    if !way.has_file() {
        return "Use a smaller snapshot: `dayfly db create` gives every database the same memory."
            .to_owned();
    }
    let smaller = match step {
        DataStep::Seed => ", or make its seed smaller",
        DataStep::Copy | DataStep::Start => "",
    };
    format!("Raise `memory` of [databases.{name}] in dayfly.toml{smaller}.")
}

fn no_data(name: &DatabaseName, step: DataStep, way: Way) -> String {
    match step {
        DataStep::Seed => format!(
            "The snapshot was removed in the meantime. Choose another snapshot (`dayfly snapshot \
             ls`{} lists them), then {}.",
            way.on_server(),
            way.again()
        ),
        DataStep::Copy | DataStep::Start => {
            let fresh = match way.has_file() {
                true => format!(
                    " If this repeats, run `dayfly reset-db ID {name}`{}.",
                    way.on_server()
                ),
                false => String::new(),
            };
            format!(
                "Dayfly cannot find the data to copy. {}{fresh}",
                way.retry()
            )
        }
    }
}

fn over_quota(name: &DatabaseName, step: DataStep, way: Way) -> String {
    let limit = way.raise("limits.database_mib_max");
    match step {
        DataStep::Seed => format!("Make the seed smaller, or {limit}; then {}.", way.again()),
        DataStep::Copy => format!("Make the data smaller, or {limit}; then {}.", way.again()),
        DataStep::Start if way.has_file() => format!(
            "Dayfly stopped the database; its data is kept. Recreate the database from its seed \
             with `dayfly reset-db ID {name}`{}, or {limit}.",
            way.on_server()
        ),
        DataStep::Start => {
            format!("Dayfly stopped the database; its data is kept. To start it again, {limit}.")
        }
    }
}

fn full(step: DataStep, way: Way) -> String {
    let kept = match step {
        DataStep::Seed | DataStep::Copy => "No other data was changed.",
        DataStep::Start => "The database's data is kept.",
    };
    format!(
        "{kept} {}; then {}.",
        capital(&way.operator("remove previews, captures or snapshots, or make the pool larger")),
        way.again()
    )
}

/// The code of [`snapshot_missing`].
pub const SNAPSHOT_MISSING: &str = "DF413";

/// The snapshot that the blueprint names does not exist.
pub fn snapshot_missing(name: &str) -> Diagnosis {
    let action = "Fix the snapshot's name (`dayfly snapshot ls` on the server lists the existing \
                  snapshots), or create the snapshot with `dayfly snapshot import` on the server.";
    diagnosis(
        SNAPSHOT_MISSING,
        format!("The server has no snapshot called {name}"),
        Vec::new(),
        action,
    )
}

/// The snapshot that the blueprint names holds real data. `engine` is the database's engine.
pub fn snapshot_real(name: &str, engine: &str, why: &str) -> Diagnosis {
    let action = format!(
        "Import a masked copy on the server, which replaces the snapshot {name}: `dayfly snapshot \
         import {name} FILE --engine {engine} --mask SCRIPT`. For invented data, use `--as \
         synthetic` instead of `--mask SCRIPT`."
    );
    diagnosis(
        "DF414",
        format!("The snapshot {name} holds real data, and {why}"),
        Vec::new(),
        action,
    )
}

/// The seed is not among the files.
pub fn seed_missing(path: &str, way: Way) -> Diagnosis {
    let action = format!(
        "{}, or fix `seed` in dayfly.toml; then {}.",
        way.add(),
        way.again()
    );
    diagnosis(
        "DF401",
        format!("The seed {path} is not in {}", way.source()),
        Vec::new(),
        action,
    )
}

/// The command of the migration could not be started.
pub fn migration_refused(name: &DatabaseName, why: &str) -> Diagnosis {
    let sentence = format!("The migration of {name} could not be started: {why}");
    let action = refusal::action(why, "`migrate.run` in dayfly.toml");
    diagnosis("DF405", sentence, Vec::new(), action)
}

/// The migration failed.
pub fn migration_failed(
    name: &DatabaseName,
    migrate: &Migrate,
    memory_bytes: u64,
    ended: &Ended,
    way: Way,
) -> Diagnosis {
    let (run, service, again) = (migrate.run.0.join(" "), &migrate.service, way.again());
    let how = match ended.out_of_memory {
        true => format!(
            "used more than its {} MiB of memory and was killed",
            memory_bytes >> 20
        ),
        false => format!("exited with code {}", ended.exit_code),
    };
    let sentence = format!("The migration of {name} (`{run}`) {how}");
    let action = match (ended.out_of_memory, ended.exit_code) {
        (true, _) => format!(
            "Raise `memory` of [services.{service}] in dayfly.toml, or make the migration use less \
             memory; then {again}."
        ),
        (false, NOT_RUNNABLE | NOT_FOUND) => format!(
            "A command was probably not found or is not executable. Check `migrate.run` in \
             dayfly.toml: the command runs in the image of {service}."
        ),
        (false, _) => format!(
            "{} Fix the failed command, then {again}.",
            last_lines(&ended.output, "the migration")
        ),
    };
    diagnosis("DF405", sentence, ended.output.clone(), action)
}

/// The migration took too long.
pub fn migration_timed_out(name: &DatabaseName, limit: Duration) -> Diagnosis {
    let sentence = format!(
        "The migration of {name} was stopped after {}s",
        limit.as_secs()
    );
    let action = "Make the migration shorter, or ask the operator to raise \
                  `limits.migrate_seconds_max` in the server's configuration.";
    diagnosis("DF406", sentence, Vec::new(), action)
}

#[cfg(test)]
mod tests {
    use deploy::{blueprint::Command, names::ServiceName};

    use super::*;
    use crate::{
        diagnosis::say::testing::{says, says_not},
        lifecycle::Origin,
    };

    const PUSH: Way = Way(Origin::PullRequest);
    const UP: Way = Way(Origin::Local);
    const ALONE: Way = Way(Origin::Database);

    fn diagnosed(step: DataStep, error: &DatabaseError, way: Way) -> Diagnosis {
        database(&DatabaseName::parse("main").unwrap(), step, error, way)
    }

    fn not_ready(out_of_memory: bool, output: &[&str]) -> DatabaseError {
        DatabaseError::NotReady {
            message: "the server ended".to_owned(),
            out_of_memory,
            output: output.iter().map(|line| (*line).to_owned()).collect(),
        }
    }

    fn seed_failed() -> DatabaseError {
        DatabaseError::Seed {
            path: "db/seed.sql".to_owned(),
            line: Some(3),
            message: "ERROR: syntax error".to_owned(),
            output: Vec::new(),
        }
    }

    #[test]
    fn a_seed_that_fails_is_told_from_one_of_another_kind_and_from_a_server_that_ends() {
        let failed = diagnosed(DataStep::Seed, &seed_failed(), PUSH);
        says(&failed, &["DF402", "line 3", "Fix the seed, then push"]);
        says_not(&failed, &["dayfly up", "engine", "memory"]);
        says(
            &diagnosed(DataStep::Seed, &seed_failed(), UP),
            &["run `dayfly up` again"],
        );
        let unfit = DatabaseError::SeedUnfit {
            path: "db/seed.rdb".to_owned(),
            why: "postgres takes .sql".to_owned(),
        };
        let unfit = diagnosed(DataStep::Seed, &unfit, PUSH);
        says(&unfit, &["DF407", "postgres takes .sql", "`engine`"]);
        says_not(&unfit, &["Fix the seed"]);
        let ended = diagnosed(DataStep::Seed, &not_ready(false, &["FATAL: no"]), PUSH);
        says(
            &ended,
            &["DF404", "last output of database main", "then push"],
        );
        says_not(&ended, &["memory", "Fix the seed"]);
    }

    #[test]
    fn only_what_the_kernel_killed_was_killed_for_memory() {
        let killed = diagnosed(DataStep::Seed, &not_ready(true, &[]), PUSH);
        says(&killed, &["DF409", "`memory`", "seed smaller"]);
        let started = diagnosed(DataStep::Start, &not_ready(true, &[]), PUSH);
        says(&started, &["DF409", "`memory`"]);
        says_not(&started, &["seed"]);
        let ended = diagnosed(DataStep::Start, &not_ready(false, &[]), PUSH);
        says(&ended, &["DF404", "printed nothing"]);
        says_not(&ended, &["memory", "last output"]);
    }

    #[test]
    fn data_that_are_gone_too_large_or_without_room_are_told_by_what_was_done_with_them() {
        let gone = DatabaseError::NoData("snapshot 0123".to_owned());
        let snapshot = diagnosed(DataStep::Seed, &gone, PUSH);
        says(&snapshot, &["DF410", "snapshot ls"]);
        let copy = diagnosed(DataStep::Copy, &gone, Way(Origin::Fork));
        says(&copy, &["DF410", "Fork the original preview again"]);
        says_not(&copy, &["snapshot ls", "push", "dayfly up"]);

        let large = DatabaseError::OverQuota {
            mib: 20,
            mib_max: 10,
        };
        let seeded = diagnosed(DataStep::Seed, &large, PUSH);
        says(
            &seeded,
            &["DF415", "Make the seed smaller", "database_mib_max"],
        );
        says_not(&seeded, &["data is kept", "reset-db"]);
        let kept = diagnosed(DataStep::Start, &large, PUSH);
        says(&kept, &["DF415", "data is kept", "reset-db"]);
        says_not(&kept, &["seed smaller"]);

        let full = DatabaseError::Full("the pool has 1 MiB left".to_owned());
        says(
            &diagnosed(DataStep::Start, &full, PUSH),
            &["DF411", "data is kept", "push"],
        );
        let seeded = diagnosed(DataStep::Seed, &full, UP);
        says(&seeded, &["DF411", "make the pool larger", "dayfly up"]);
        says_not(&seeded, &["data is kept", "push", "database_mib_max"]);
        let broken = diagnosed(
            DataStep::Start,
            &DatabaseError::Pool("no such device".to_owned()),
            PUSH,
        );
        says(&broken, &["DF412", "dayfly doctor"]);
        says_not(&broken, &["emove previews", "kept"]);
    }

    #[test]
    fn another_version_of_a_server_is_told_by_who_made_the_data() {
        let version = DatabaseError::Version {
            made_by: "postgres:16".to_owned(),
            image: "postgres:15".to_owned(),
            why: "incompatible".to_owned(),
        };
        says(
            &diagnosed(DataStep::Start, &version, PUSH),
            &["DF408", "reset-db"],
        );
        let snapshot = diagnosed(DataStep::Seed, &version, PUSH);
        says(&snapshot, &["DF408", "`engine`", "push"]);
        says_not(&snapshot, &["reset-db"]);
        let alone = diagnosed(DataStep::Seed, &version, ALONE);
        says(&alone, &["DF408", "dayfly db create"]);
        says_not(&alone, &["dayfly.toml", "reset-db", "push"]);
    }

    #[test]
    fn a_standalone_database_is_told_of_no_file() {
        let no_image = DatabaseError::NoImage {
            image: "postgres:0.1".to_owned(),
            why: "manifest for postgres:0.1 not found: manifest unknown".to_owned(),
        };
        let (unfit, full) = (
            DatabaseError::SeedUnfit {
                path: "snapshot 0123".to_owned(),
                why: "it is one of redis".to_owned(),
            },
            DatabaseError::Full("the pool is full".to_owned()),
        );
        let killed = not_ready(true, &[]);
        for error in [&no_image, &unfit, &full, &killed, &not_ready(false, &["x"])] {
            for step in [DataStep::Seed, DataStep::Copy, DataStep::Start] {
                says_not(
                    &diagnosed(step, error, ALONE),
                    &["dayfly.toml", "push", "dayfly up"],
                );
            }
        }
        let with_file = diagnosed(DataStep::Seed, &no_image, PUSH);
        says(&with_file, &["DF403", "`engine` in dayfly.toml"]);
        says_not(&with_file, &["cannot be reached"]);
    }

    #[test]
    fn a_snapshot_that_is_not_there_is_told_from_one_that_is_real_and_from_a_seed_of_the_commit() {
        let missing = snapshot_missing("nightly");
        says(&missing, &["DF413", "no snapshot called nightly", "import"]);
        says_not(&missing, &["mask", "Commit"]);
        let real = snapshot_real(
            "nightly",
            "postgres:15",
            "previews are open to whoever has their link",
        );
        says(
            &real,
            &[
                "DF414",
                "`dayfly snapshot import nightly FILE --engine postgres:15 --mask SCRIPT`",
            ],
        );
        says_not(&real, &["no snapshot", "snapshot ls"]);
        let seed = seed_missing("db/seed.sql", PUSH);
        says(
            &seed,
            &["DF401", "not in the commit", "Commit the file", "push"],
        );
        says_not(&seed, &["snapshot", "dayfly up"]);
        let sent = seed_missing("db/seed.sql", UP);
        says(
            &sent,
            &["DF401", "not in the files that were sent", ".gitignore"],
        );
        says_not(&sent, &["ommit", "push"]);
    }

    fn migration(exit_code: i64, out_of_memory: bool, output: &[&str]) -> Diagnosis {
        let migrate = Migrate {
            run: Command(vec!["bin/migrate".to_owned()]),
            service: ServiceName::parse("web").unwrap(),
        };
        let ended = Ended {
            exit_code,
            out_of_memory,
            output: output.iter().map(|line| (*line).to_owned()).collect(),
        };
        migration_failed(
            &DatabaseName::parse("main").unwrap(),
            &migrate,
            512 << 20,
            &ended,
            PUSH,
        )
    }

    #[test]
    fn a_migration_is_told_by_how_it_ended() {
        let failed = migration(1, false, &["relation exists"]);
        says(
            &failed,
            &[
                "DF405",
                "exited with code 1",
                "last output of the migration",
                "push",
            ],
        );
        says_not(&failed, &["memory", "not found", "dayfly up"]);
        let silent = migration(1, false, &[]);
        says(&silent, &["printed nothing"]);
        says_not(&silent, &["quoted"]);
        let killed = migration(137, true, &["working"]);
        says(
            &killed,
            &["used more than its 512 MiB of memory", "[services.web]"],
        );
        says_not(&migration(137, false, &[]), &["memory"]);
        says(
            &migration(127, false, &["rake: not found"]),
            &["not found", "image of web"],
        );
        let late = migration_timed_out(
            &DatabaseName::parse("main").unwrap(),
            Duration::from_secs(9),
        );
        says(&late, &["DF406", "after 9s", "migrate_seconds_max"]);
        says_not(&late, &["exited with", "memory"]);
    }
}
