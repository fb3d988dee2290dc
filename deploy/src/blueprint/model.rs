//! What a checkout asks for, with every default filled in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::names::{DatabaseName, ServiceName};

/// Services, databases and settings of one commit. Stored with the revision, so that what a
/// preview was made of can be read after the commit is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blueprint {
    /// Its form in the store.
    #[serde(default)]
    pub version: BlueprintVersion,
    /// The file it was read from, such as `dayfly.toml`.
    pub origin: String,
    /// At least one; exactly one of them is [`Service::main`].
    pub services: Vec<Service>,
    /// Possibly none.
    pub databases: Vec<Database>,
    /// One sentence for each default that was chosen and each key that was ignored, for people.
    pub notes: Vec<String>,
    /// One sentence for each thing of the commit that builds do not get, with the reason, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// The form of a stored blueprint. Those that say none were stored before there were numbers, and
/// have the first one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum BlueprintVersion {
    /// What this module describes.
    #[default]
    One,
}

/// A blueprint in a form that this version of Dayfly does not know.
#[derive(Debug, thiserror::Error)]
#[error("it has form {0}, and this dayfly knows form 1 alone")]
pub struct UnknownVersion(u32);

impl TryFrom<u32> for BlueprintVersion {
    type Error = UnknownVersion;
    fn try_from(number: u32) -> Result<Self, UnknownVersion> {
        match number {
            1 => Ok(Self::One),
            other => Err(UnknownVersion(other)),
        }
    }
}

impl From<BlueprintVersion> for u32 {
    fn from(_one: BlueprintVersion) -> u32 {
        1
    }
}

/// One container of a revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name; also its name on the network.
    pub name: ServiceName,
    /// Where its image comes from.
    pub image: ImageSource,
    /// Whether it has a URL.
    pub public: bool,
    /// Whether it is the one that the preview's own URL leads to.
    pub main: bool,
    /// Where it listens; given to it as `PORT`.
    pub port: u16,
    /// Whether neither the file nor the Dockerfile says the port, so that the built image may.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub port_is_default: bool,
    /// When it counts as ready.
    pub health: Health,
    /// Replaces the image's command.
    pub command: Option<Command>,
    /// Its own variables; `{pr}` and `{commit}` are not replaced yet.
    pub env: BTreeMap<String, String>,
    /// Memory with swap, in bytes.
    pub memory_bytes: u64,
    /// Thousandths of a processor.
    pub cpu_milli: u64,
    /// Whether a small init of the engine's is process 1 of its container.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub init: bool,
}

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImageSource {
    /// Built from the commit.
    Build {
        /// Folder of the checkout; empty for its root.
        context: String,
        /// Path inside the context.
        dockerfile: String,
        /// Stage.
        target: Option<String>,
        /// Build arguments.
        args: BTreeMap<String, String>,
        /// Names of the server's secrets that `RUN --mount=type=secret` may read.
        #[serde(default)]
        secrets: Vec<String>,
    },
    /// Made by somebody else; the name may hold `{number}`, `{sha}`, `{short_sha}` and
    /// `{branch_slug}`.
    Reference(String),
}

/// When a service counts as ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// `GET` of this path answers 200 to 399.
    Path(String),
    /// It accepts connections, and `GET /` answers anything below 500.
    Default,
    /// It accepts connections; for private services, whose protocol is unknown.
    Tcp,
    /// It runs; for services that listen nowhere.
    Running,
}

/// A command as the blueprint gives it: a string is split as compose does, an array is taken as
/// it is. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command(pub Vec<String>);

/// A throwaway data service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Its name; also its name on the network.
    pub name: DatabaseName,
    /// What it speaks, and where it keeps its data.
    #[serde(rename = "engine")]
    pub kind: DatabaseKind,
    /// The server's image, such as `postgres:15`.
    pub image: String,
    /// What it holds at first; nothing where none is given.
    pub seed: Option<SeedSource>,
    /// Digest of what `seed` names, in hex: of the files of the commit, a command's words, or a
    /// snapshot's name. None where it is not known.
    pub seed_digest: Option<String>,
    /// Run after the seed, for each revision.
    pub migrate: Option<Migrate>,
    /// What becomes of its data when commits are pushed.
    pub on_push: OnPush,
    /// Digest of the files that `migrations` names, in hex: another one means that a migration
    /// came, went or was changed. None where `migrations` is not given.
    pub migrations: Option<String>,
    /// The variable that carries the connection string into each service.
    pub url_variable: String,
    /// Memory with swap, in bytes.
    pub memory_bytes: u64,
}

/// What a database speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DatabaseKind {
    /// PostgreSQL.
    Postgres,
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
    /// Redis.
    Redis,
    /// Valkey, which speaks as Redis does.
    Valkey,
    /// Any image of which is known where it keeps its data.
    Other {
        /// That folder in the container: absolute and normalized, never one of the system's.
        data: String,
        /// Where it listens, if that is said.
        port: Option<u16>,
        /// Its own variables.
        env: BTreeMap<String, String>,
    },
}

/// What a database holds at first. Paths are those of the commit, from its root; the files are
/// there, and not too large.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SeedSource {
    /// Statements.
    Sql {
        /// In the order in which they run: one file, or those of a folder. Each ends in `.sql`,
        /// `.sql.gz` or `.sql.zst` in any case of letters.
        paths: Vec<String>,
        /// What those read (`\i`, `\ir`, `\copy`), and what that reads: below the same folder.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        beside: Vec<String>,
    },
    /// An archive of `pg_dump --format=custom`.
    PgCustom {
        /// The file.
        path: String,
    },
    /// An archive of `pg_dump --format=directory`.
    PgDirectory {
        /// The folder; empty for the root of the commit.
        path: String,
        /// The files right in it, `toc.dat` among them, with their paths from the root.
        files: Vec<String>,
    },
    /// A snapshot that Redis or Valkey wrote.
    Rdb {
        /// The file.
        path: String,
    },
    /// Whatever a command puts in.
    Run {
        /// The command.
        run: Command,
        /// The service in whose image it runs.
        service: ServiceName,
    },
    /// A named snapshot that the server keeps.
    Snapshot {
        /// Its name: at most 40 of a-z, 0-9 and single hyphens.
        name: String,
    },
}

/// What becomes of a database's data when commits are pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnPush {
    /// It stays.
    #[default]
    Keep,
    /// It is made anew from the seed.
    Reset,
    /// It is made anew where [`Database::migrations`] is another than before.
    ResetIfMigrationsChanged,
}

/// A command that brings a database to what a commit expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migrate {
    /// The command.
    pub run: Command,
    /// The service in whose image it runs.
    pub service: ServiceName,
}
