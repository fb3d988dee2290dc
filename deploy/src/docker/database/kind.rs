//! What has to be known of one kind of server; each kind is a file of its own.

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

/// Passwords of a server: the application's, and the one of whoever may change that.
pub(crate) struct Passwords<'a> {
    pub(super) user: &'a SecretString,
    pub(super) admin: &'a SecretString,
}

/// One thing to do while data are made.
pub(crate) enum Seeding {
    /// Ask this until the answer is right; what goes wrong is about the file.
    Until {
        path: String,
        run: Run,
        right: fn(&Answer) -> bool,
    },
    /// Run this; the file is named in what goes wrong.
    Run { path: String, run: Run },
    /// Have this program read the script.
    Script { script: Script, run: Run },
    /// Unpack these files into a folder inside, have `archive` write a script, and `run` read that.
    Archive {
        path: String,
        files: Vec<(String, Content)>,
        archive: Run,
        run: Run,
    },
}

impl Seeding {
    /// The file that it is about, for messages.
    pub(super) fn path(&self) -> &str {
        match self {
            Self::Run { path, .. } | Self::Until { path, .. } | Self::Archive { path, .. } => path,
            Self::Script { script, .. } => script.path(),
        }
    }
}

/// How statements are put to a server one after the other.
#[derive(Clone)]
pub(crate) struct SqlSession {
    /// Where it listens on its loopback; what is spoken there is [`wire`](super::postgres::wire).
    pub(super) port: u16,
    /// The database that is entered.
    pub(super) database: &'static str,
    /// Its client, which reads statements line by line and prints rows as [`wire`](super::postgres::wire)
    /// does.
    pub(super) client: Run,
    /// What makes that client print a line of its own.
    pub(super) mark: &'static str,
    /// That line.
    pub(super) told: &'static str,
}

/// How a server is copied while it runs: everything but its log at any time between two words of
/// it, and the log while it stands still.
pub(crate) struct OnlineBackup {
    /// Asks for its version as a number.
    pub(super) version: &'static str,
    /// What is said before everything but the log is copied, by the version.
    pub(super) begin: fn(u32) -> Vec<&'static str>,
    /// What is said after it.
    pub(super) end: fn(u32) -> &'static str,
    /// The folder of the log.
    pub(super) log: &'static str,
    /// The file that takes the answer.
    pub(super) label: &'static str,
    /// The file with which the log in the copy has to begin, from the answer.
    pub(super) first: fn(&str) -> Option<String>,
}

/// How a server's tables are watched while nobody of ours is in their database.
#[derive(Clone)]
pub(crate) struct Watching {
    /// A session in another database.
    pub(super) from: SqlSession,
    /// Asks, in the tables' database, who asks, and which tables there are: rows of the session's process
    /// and the database, and then of a table, its file, its size in bytes, and its name.
    pub(super) tables: &'static str,
    /// Asks, from elsewhere, which tables are locked, and how: database, table, lock.
    pub(super) locks: &'static str,
    /// Asks, from elsewhere, which processes serve sessions.
    pub(super) sessions: &'static str,
}

/// What is said at a server's port, and what the answer tells. A query from inside takes a tenth of a
/// second, so it waits until clients are let in.
pub(crate) struct Handshake {
    pub(super) say: Vec<u8>,
    pub(super) hear: fn(&[u8]) -> PortState,
}

/// What is found at a server's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PortState {
    /// Nobody listens, or says anything.
    Closed,
    /// Somebody listens who does not let clients in yet.
    NotYet,
    /// Somebody listens who lets clients in.
    Open,
    /// Somebody listens who has answered a query already.
    Answered,
}

/// One kind of server.
pub(crate) trait Kind: Send + Sync {
    /// Where it listens, where that is known.
    fn port(&self) -> Option<u16>;

    /// How it is asked at its port whether it lets clients in, where it opens the port earlier.
    fn handshake(&self, _passwords: &Passwords<'_>) -> Option<Handshake> {
        None
    }

    /// Where it keeps its data inside.
    fn data_path(&self, facts: &ImageFacts) -> String;

    /// Its variables. On a fresh directory they say what is to be made.
    fn env(&self, passwords: &Passwords<'_>, fresh: bool) -> BTreeMap<String, String>;

    /// Its command, tuned to its memory; none is the image's own.
    fn command(&self, memory_bytes: u64, passwords: &Passwords<'_>) -> Option<Vec<String>>;

    /// Shared memory that it needs, in bytes.
    fn shm_bytes(&self, _memory_bytes: u64) -> Option<u64> {
        None
    }

    /// The user inside that seeds and queries run as; none is the container's own.
    fn user(&self) -> Option<&'static str>;

    /// The folder inside with its own programs, told by the container's variables, where wrappers of
    /// the same names come first on the path and cost as much as the programs do.
    fn programs(&self, _env: &[String]) -> Option<String> {
        None
    }

    /// How statements are put to it, where they can be.
    fn sql_session(&self) -> Option<SqlSession> {
        None
    }

    /// What has to be answered by [`sql_session`](Self::sql_session), in this order, until a server whose
    /// port is open counts as ready; none where there is no such session. It does what
    /// [`ready`](Self::ready) does where no password is asked for on the loopback.
    fn ready_statements(&self, _passwords: &Passwords<'_>) -> Vec<String> {
        Vec::new()
    }

    /// What has to succeed, in this order, until it counts as ready: its user's password is set,
    /// and a query is answered as an application would ask it.
    fn ready(&self, passwords: &Passwords<'_>) -> Vec<Run>;

    /// Whether the answer to a query says that it is ready.
    fn is_ready(&self, answer: &Answer) -> bool {
        answer.succeeded()
    }

    /// A file that has to be in the fresh directory before its first start.
    fn placed<'a>(&self, _seed: &'a Seed) -> Option<(&'static str, &'a Content)> {
        None
    }

    /// The command with which a seed is read, where it is another one.
    fn seed_run_command(
        &self,
        _seed: &Seed,
        _memory_bytes: u64,
        command: Vec<String>,
    ) -> Vec<String> {
        command
    }

    /// Whether its client is given scripts by the [pipe](super::script_pipe), and not by its input.
    fn pipes_scripts(&self) -> bool {
        false
    }

    /// How it is filled. [`DatabaseError::SeedUnfit`] for a seed of another kind.
    fn seed(&self, seed: &Seed, passwords: &Passwords<'_>) -> Result<Vec<Seeding>, DatabaseError>;

    /// Whether the file that is [placed](Kind::placed) is one for this server, by its first 16 bytes.
    /// [`DatabaseError::SeedUnfit`] where it is not.
    fn suits(&self, _seed: &Seed, _head: &[u8]) -> Result<(), DatabaseError> {
        Ok(())
    }

    /// What to say of a seed that the server did not read when it started.
    fn unread(&self, _seed: &Seed, _head: &[u8], error: DatabaseError) -> DatabaseError {
        error
    }

    /// What takes from a script's own users what they do not need, so that nobody logs in beside the
    /// application.
    fn lock_users(&self) -> Option<Run> {
        None
    }

    /// The line of a script, and the server's sentence about it.
    fn complaint(&self, answer: &Answer) -> (Option<u32>, String);

    /// What prints its version, where that says something about a dump.
    fn version(&self) -> Option<Run> {
        None
    }

    /// What to say of a dump of another version that failed, by the two versions.
    fn newer(&self, _dumped: &str, _server: &str) -> Option<String> {
        None
    }

    /// How it is copied while it runs, where it can be.
    fn online_backup(&self) -> Option<OnlineBackup> {
        None
    }

    /// How its tables are watched, where they can be.
    fn watching(&self) -> Option<Watching> {
        None
    }

    /// How it is looked over for what is personal, where it can be masked.
    fn survey(&self, _passwords: &Passwords<'_>) -> Option<Box<dyn Survey>> {
        None
    }

    /// What prints how many tables and views the application's database has, where a script that leaves
    /// none has failed. Elsewhere a script may well do nothing but set up what migrations need.
    fn table_count(&self, _passwords: &Passwords<'_>) -> Option<Run> {
        None
    }

    /// What prints `count|table` of its tables, a line each, where it has such.
    fn rows(&self, _passwords: &Passwords<'_>) -> Option<Run> {
        None
    }

    /// The sentence with which it refuses data of another version.
    fn misfit<'a>(&self, output: &'a [String]) -> Option<&'a str>;

    /// Its own client for a person, where it has one.
    fn client(&self, passwords: &Passwords<'_>) -> Option<Run>;
}

/// What a kind is called in messages.
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

/// A seed's file that could not be read.
pub(super) fn unread(seed: &Seed, error: &io::Error) -> DatabaseError {
    let seed = describe_seed(seed);
    EngineError::Unreachable(format!("{seed} cannot be read: {error}")).into()
}

/// Where a seed comes from, for messages.
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

/// The answer to a seed of another kind.
pub(super) fn unfit(seed: &Seed, takes: &str) -> DatabaseError {
    DatabaseError::SeedUnfit {
        path: describe_seed(seed),
        why: takes.to_owned(),
    }
}
