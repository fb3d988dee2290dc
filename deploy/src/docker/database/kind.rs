//! The interface of one kind of database server; each kind has its own file.

use std::{collections::BTreeMap, io};

use secrecy::SecretString;

use super::{
    masking::Survey,
    run::{Answer, Run},
    script::Script,
};
use crate::{
    blueprint::DatabaseKind,
    content::Content,
    databases::{DatabaseError, Seed},
    docker::image_facts::ImageFacts,
    engine::EngineError,
};

/// Passwords of a server: the application's and the administrator's.
pub(crate) struct Passwords<'a> {
    pub(super) user: &'a SecretString,
    pub(super) admin: &'a SecretString,
}

/// One step of a seed run.
pub(crate) enum Seeding {
    /// Repeat this query until its answer is right; errors refer to the file.
    Until {
        path: String,
        run: Run,
        right: fn(&Answer) -> bool,
    },
    /// Run this program; errors name the file.
    Run { path: String, run: Run },
    /// Feed the script to this program.
    Script { script: Script, run: Run },
    /// Unpack these files in the container, run `archive` to write a script, and feed it to `run`.
    Archive {
        path: String,
        files: Vec<(String, Content)>,
        archive: Run,
        run: Run,
    },
}

impl Seeding {
    /// The file that it refers to, for messages.
    pub(super) fn path(&self) -> &str {
        match self {
            Self::Run { path, .. } | Self::Until { path, .. } | Self::Archive { path, .. } => path,
            Self::Script { script, .. } => script.path(),
        }
    }
}

/// How to send statements to a server in one session.
#[derive(Clone)]
pub(crate) struct SqlSession {
    /// Its port on the loopback, where it speaks [`wire`](super::postgres::wire).
    pub(super) port: u16,
    /// The database to connect to.
    pub(super) database: &'static str,
    /// Its client, which reads statements line by line and prints rows like
    /// [`wire`](super::postgres::wire).
    pub(super) client: Run,
    /// A command that makes the client print a marker line.
    pub(super) mark: &'static str,
    /// The marker line.
    pub(super) told: &'static str,
}

/// How to copy a running server: between `begin` and `end` everything except its log, and then the
/// log during a pause.
pub(crate) struct OnlineBackup {
    /// Query for its version as a number.
    pub(super) version: &'static str,
    /// Statements before the copy, by version.
    pub(super) begin: fn(u32) -> Vec<&'static str>,
    /// The statement after the copy, by version.
    pub(super) end: fn(u32) -> &'static str,
    /// The folder of the log.
    pub(super) log: &'static str,
    /// The file that stores the answer of `end`.
    pub(super) label: &'static str,
    /// The first log file that the copy needs, from that answer.
    pub(super) first: fn(&str) -> Option<String>,
}

/// How to watch a server's tables without a session in their database.
#[derive(Clone)]
pub(crate) struct Watching {
    /// A session in another database.
    pub(super) from: SqlSession,
    /// Query in the tables' database. The first row has the session's process and the database.
    /// Each further row has a table, its file, its size in bytes, and its name.
    pub(super) tables: &'static str,
    /// Query in another database for locked tables: database, table, lock.
    pub(super) locks: &'static str,
    /// Query in another database for the processes that serve sessions.
    pub(super) sessions: &'static str,
}

/// A request to a server's port, and the interpretation of its answer. A query by the client in the
/// container takes a tenth of a second, so it waits until the port accepts clients.
pub(crate) struct Handshake {
    pub(super) say: Vec<u8>,
    pub(super) hear: fn(&[u8]) -> PortState,
}

/// The state of a server's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PortState {
    /// Nothing listens, or nothing answers.
    Closed,
    /// A server listens but does not accept clients yet.
    NotYet,
    /// A server accepts clients.
    Open,
    /// A server has already answered a query.
    Answered,
}

/// One kind of server.
pub(crate) trait Kind: Send + Sync {
    /// Its port, if known.
    fn port(&self) -> Option<u16>;

    /// How to ask at its port whether it accepts clients, if it opens the port before that.
    fn handshake(&self, _passwords: &Passwords<'_>) -> Option<Handshake> {
        None
    }

    /// The path of its data in the container.
    fn data_path(&self, facts: &ImageFacts) -> String;

    /// Its environment variables. On a fresh directory they configure the initial setup.
    fn env(&self, passwords: &Passwords<'_>, fresh: bool) -> BTreeMap<String, String>;

    /// Its command, tuned to its memory; `None` is the image's own.
    fn command(&self, memory_bytes: u64, passwords: &Passwords<'_>) -> Option<Vec<String>>;

    /// Size of shared memory that it needs, in bytes.
    fn shm_bytes(&self, _memory_bytes: u64) -> Option<u64> {
        None
    }

    /// The user for seeds and queries; `None` is the container's own.
    fn user(&self) -> Option<&'static str>;

    /// The folder of its own programs, from the container's variables, if slow wrappers of the same
    /// names come first on the path.
    fn programs(&self, _env: &[String]) -> Option<String> {
        None
    }

    /// How to send statements to it, if supported.
    fn sql_session(&self) -> Option<SqlSession> {
        None
    }

    /// Statements for [`sql_session`](Self::sql_session) that must succeed, in this order, before a
    /// server with an open port counts as ready; empty without such a session. They replace
    /// [`ready`](Self::ready) if the loopback needs no password.
    fn ready_statements(&self, _passwords: &Passwords<'_>) -> Vec<String> {
        Vec::new()
    }

    /// Runs that must succeed, in this order, before it counts as ready: they set its user's
    /// password and send a query like an application's.
    fn ready(&self, passwords: &Passwords<'_>) -> Vec<Run>;

    /// Whether the answer to a query shows that it is ready.
    fn is_ready(&self, answer: &Answer) -> bool {
        answer.succeeded()
    }

    /// A file to place in the fresh directory before its first start.
    fn placed<'a>(&self, _seed: &'a Seed) -> Option<(&'static str, &'a Content)> {
        None
    }

    /// The command of the server for a seed run, if it differs.
    fn seed_run_command(
        &self,
        _seed: &Seed,
        _memory_bytes: u64,
        command: Vec<String>,
    ) -> Vec<String> {
        command
    }

    /// Whether its client reads scripts from the [pipe](super::script_pipe) instead of its input.
    fn pipes_scripts(&self) -> bool {
        false
    }

    /// The steps of a seed run. [`DatabaseError::SeedUnfit`] for an unsupported seed.
    fn seed(&self, seed: &Seed, passwords: &Passwords<'_>) -> Result<Vec<Seeding>, DatabaseError>;

    /// Checks the first 16 bytes of the [placed](Kind::placed) file.
    /// [`DatabaseError::SeedUnfit`] if this server does not support it.
    fn suits(&self, _seed: &Seed, _head: &[u8]) -> Result<(), DatabaseError> {
        Ok(())
    }

    /// The error for a seed that the server did not read at its start.
    fn unread(&self, _seed: &Seed, _head: &[u8], error: DatabaseError) -> DatabaseError {
        error
    }

    /// A program that removes unneeded rights of users that a script created, so that only the
    /// application can log in.
    fn lock_users(&self) -> Option<Run> {
        None
    }

    /// The failed line of a script, and the server's message about it.
    fn complaint(&self, answer: &Answer) -> (Option<u32>, String);

    /// A program that prints its version, if that helps to explain a failed dump.
    fn version(&self) -> Option<Run> {
        None
    }

    /// A hint for a failed dump of another version, by the two versions.
    fn newer(&self, _dumped: &str, _server: &str) -> Option<String> {
        None
    }

    /// How to copy it while it runs, if supported.
    fn online_backup(&self) -> Option<OnlineBackup> {
        None
    }

    /// How to watch its tables, if supported.
    fn watching(&self) -> Option<Watching> {
        None
    }

    /// How to search it for personal data, if masks are supported.
    fn survey(&self, _passwords: &Passwords<'_>) -> Option<Box<dyn Survey>> {
        None
    }

    /// A program that prints the number of tables and views in the application's database, if a
    /// script that creates none counts as failed. In other kinds a script may only prepare for
    /// migrations.
    fn table_count(&self, _passwords: &Passwords<'_>) -> Option<Run> {
        None
    }

    /// A program that prints `count|table` for each of its tables, if it has tables.
    fn rows(&self, _passwords: &Passwords<'_>) -> Option<Run> {
        None
    }

    /// The message with which it refuses data of another version.
    fn misfit<'a>(&self, output: &'a [String]) -> Option<&'a str>;

    /// Its own client for a user, if it has one.
    fn client(&self, passwords: &Passwords<'_>) -> Option<Run>;
}

/// The name of a kind in messages.
pub(super) fn kind_name(kind: &DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Postgres => "postgres",
        DatabaseKind::Mysql => "mysql",
        DatabaseKind::Mariadb => "mariadb",
        DatabaseKind::Redis => "redis",
        DatabaseKind::Valkey => "valkey",
        DatabaseKind::Other { .. } => "another kind of server",
    }
}

/// The error for an unreadable seed file.
pub(super) fn unread(seed: &Seed, error: &io::Error) -> DatabaseError {
    let seed = describe_seed(seed);
    EngineError::Unreachable(format!("{seed} cannot be read: {error}")).into()
}

/// Description of a seed's source, for messages.
pub(super) fn describe_seed(seed: &Seed) -> String {
    match seed {
        Seed::Empty => "nothing".to_owned(),
        Seed::Sql(seed) => {
            let paths: Vec<_> = seed.files.iter().map(|file| file.path.as_str()).collect();
            match paths.as_slice() {
                [one] => (*one).to_owned(),
                [first, .., last] => format!("{first} to {last} ({} files)", paths.len()),
                [] => "no file".to_owned(),
            }
        }
        Seed::PgCustom(file) | Seed::Rdb(file) => file.path.clone(),
        Seed::PgDirectory(path, _) => path.clone(),
        Seed::Run { words, .. } => words.clone(),
        Seed::Snapshot(id) => format!("snapshot {}", &id.as_str()[..12]),
    }
}

/// The error for an unsupported seed.
pub(super) fn unfit(seed: &Seed, takes: &str) -> DatabaseError {
    DatabaseError::SeedUnfit {
        path: describe_seed(seed),
        why: takes.to_owned(),
    }
}
