//! What a checkout asks for, with every default filled in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::names::{DatabaseName, ServiceName};

/// Services, databases and settings of one commit. Stored with the revision, so that what a
/// preview was made of can be read after the commit is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blueprint {
    /// The file it was read from, such as `dayfly.toml`.
    pub origin: String,
    /// At least one; exactly one of them is [`Service::main`].
    pub services: Vec<Service>,
    /// Possibly none.
    pub databases: Vec<Database>,
    /// One sentence for each default that was chosen and each key that was ignored, for people.
    pub notes: Vec<String>,
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
    /// The server's image, such as `postgres:15`.
    pub image: String,
    /// Path of an SQL file in the checkout.
    pub seed: Option<String>,
    /// Run after the seed, for each revision.
    pub migrate: Option<Migrate>,
    /// The variable that carries the connection string into each service.
    pub url_variable: String,
}

/// A command that brings a database to what a commit expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migrate {
    /// The command.
    pub run: Command,
    /// The service in whose image it runs.
    pub service: ServiceName,
}
