//! A blueprint: the services and databases of a commit, with every default filled in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::names::{DatabaseName, ServiceName};

/// Services, databases and settings of one commit. Stored with the revision, so that it can be read
/// after the commit has been removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blueprint {
    /// The version of its stored format.
    #[serde(default)]
    pub version: BlueprintVersion,
    /// The file it was read from, such as `dayfly.toml`.
    pub origin: String,
    /// At least one; exactly one of them is [`Service::main`].
    pub services: Vec<Service>,
    /// Possibly none.
    pub databases: Vec<Database>,
    /// One sentence for each chosen default and each ignored key, for users.
    pub notes: Vec<String>,
    /// One sentence for each part of the commit that builds do not get, with the reason, for users.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// The format version of a stored blueprint. Blueprints without a version predate versions, and
/// have version 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum BlueprintVersion {
    /// The format that this module describes.
    #[default]
    One,
}

/// A blueprint in a format that this version of Dayfly does not know.
#[derive(Debug, thiserror::Error)]
#[error("it has format {0}, but this version of dayfly only knows format 1")]
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
    /// The source of its image.
    pub image: ImageSource,
    /// Whether it has a URL.
    pub public: bool,
    /// Whether the preview's own URL leads to it.
    pub main: bool,
    /// The port that it listens on; passed to it as `PORT`.
    pub port: u16,
    /// Whether neither the file nor the Dockerfile names the port, so that the built image may.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub port_is_default: bool,
    /// The condition for being ready.
    pub health: Health,
    /// Replaces the image's command.
    pub command: Option<Command>,
    /// How its program runs, where that differs from the image.
    #[serde(default, skip_serializing_if = "ProcessOptions::is_default")]
    pub process: ProcessOptions,
    /// Its own variables; `{pr}` and `{commit}` are not replaced yet.
    pub env: BTreeMap<String, String>,
    /// Maximum memory including swap, in bytes.
    pub memory_bytes: u64,
    /// Thousandths of a processor.
    pub cpu_milli: u64,
    /// Whether the engine runs a small init as process 1 of its container.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub init: bool,
}

/// How a program runs, where that differs from its image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessOptions {
    /// Replaces the image's entrypoint, and then also its command; empty to run without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// Replaces the image's user: a name or a number, possibly with a group after a colon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Replaces the image's working directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
}

impl ProcessOptions {
    /// Whether nothing differs from the image.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The source of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImageSource {
    /// Built from the commit.
    Build {
        /// Folder of the checkout; empty for its root.
        context: String,
        /// Path inside the context.
        dockerfile: String,
        /// Stage of the Dockerfile.
        target: Option<String>,
        /// Build arguments.
        args: BTreeMap<String, String>,
        /// Names of the server's secrets that `RUN --mount=type=secret` may read.
        #[serde(default)]
        secrets: Vec<String>,
    },
    /// A prebuilt image; the name may contain `{number}`, `{sha}`, `{short_sha}` and
    /// `{branch_slug}`.
    Reference(String),
}

/// The condition for a service to count as ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// `GET` of this path answers 200 to 399.
    Path(String),
    /// It accepts connections, and `GET /` answers anything below 500.
    Default,
    /// It accepts connections; for private services, whose protocol is unknown.
    Tcp,
    /// It runs; for services without a port.
    Running,
    /// A command in its container exits with 0.
    Check(HealthCheck),
}

/// A command that shows whether a service is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// The program and its arguments, run as the container's own user. Never empty.
    pub run: Vec<String>,
    /// How long it may take before it counts as failed, in milliseconds.
    pub limit_ms: u64,
}

/// A command from the blueprint: a string is split like in compose files, an array is used
/// unchanged. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command(pub Vec<String>);

/// A temporary database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Its name; also its name on the network.
    pub name: DatabaseName,
    /// Its protocol and data folder.
    #[serde(rename = "engine")]
    pub kind: DatabaseKind,
    /// The server's image, such as `postgres:15`.
    pub image: String,
    /// Its initial content; empty if there is no seed.
    pub seed: Option<SeedSource>,
    /// Digest of the seed, in hex: of the commit's files, the command's words, or the snapshot's
    /// name. `None` if unknown.
    pub seed_digest: Option<String>,
    /// Runs after the seed, for each revision.
    pub migrate: Option<Migrate>,
    /// What a push does to its data.
    pub on_push: OnPush,
    /// Digest of the files that `migrations` matches, in hex: it changes when a migration is added,
    /// removed or edited. `None` if `migrations` is not given.
    pub migrations: Option<String>,
    /// The variable that passes the connection string to each service.
    pub url_variable: String,
    /// Maximum memory including swap, in bytes.
    pub memory_bytes: u64,
}

/// The protocol of a database.
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
    /// Valkey, which uses the Redis protocol.
    Valkey,
    /// Any image with a known data folder.
    Other {
        /// The data folder in the container: absolute and normalized, never one of the system's.
        data: String,
        /// The port that it listens on, if known.
        port: Option<u16>,
        /// Its own variables.
        env: BTreeMap<String, String>,
    },
}

/// The initial content of a database. Paths are relative to the commit's root; the files exist and
/// are within the size limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SeedSource {
    /// Statements.
    Sql {
        /// In execution order: one file, or those of a folder. Each ends in `.sql`, `.sql.gz` or
        /// `.sql.zst`, in upper or lower case.
        paths: Vec<String>,
        /// The files that those scripts read (`\i`, `\ir`, `\copy`), recursively: all below the
        /// same folder.
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
        /// The files directly in it, including `toc.dat`, with their paths from the root.
        files: Vec<String>,
    },
    /// A snapshot that Redis or Valkey wrote.
    Rdb {
        /// The file.
        path: String,
    },
    /// The output of a command.
    Run {
        /// The command.
        run: Command,
        /// The service whose image runs it.
        service: ServiceName,
    },
    /// A named snapshot that the server keeps.
    Snapshot {
        /// Its name: at most 40 of a-z, 0-9 and single hyphens.
        name: String,
    },
}

/// What a push does to a database's data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnPush {
    /// Keep it.
    #[default]
    Keep,
    /// Recreate it from the seed.
    Reset,
    /// Recreate it if [`Database::migrations`] changed.
    ResetIfMigrationsChanged,
}

/// A command that migrates a database to a commit's schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migrate {
    /// The command.
    pub run: Command,
    /// The service whose image runs it.
    pub service: ServiceName,
}
