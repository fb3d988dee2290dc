//! What the simulated host keeps of databases.

use sha2::{Digest, Sha256};

use crate::{
    blueprint::DatabaseKind,
    databases::{DatabaseError, DatabaseSpec, SnapshotState},
    engine::{ContainerState, ServiceSpec},
    names::DatabaseKey,
};

/// A database's data, with or without a server on them.
#[derive(Clone, Debug)]
pub(super) struct Data {
    /// What kind of server made them.
    pub(super) kind: DatabaseKind,
    /// Its image.
    pub(super) image: String,
    /// Whether their seed run came to its end. Until then nobody sees them.
    pub(super) complete: bool,
    /// Statements and migrations that were applied, oldest first.
    pub(super) statements: Vec<String>,
}

/// Data that belong to no preview.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) state: SnapshotState,
    pub(super) statements: Vec<String>,
}

impl Snapshot {
    pub(super) fn new(state: SnapshotState, statements: Vec<String>) -> Self {
        Self { state, statements }
    }

    pub(super) fn bytes(&self) -> u64 {
        bytes(&self.statements)
    }
}

/// A database's container.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) image: String,
    pub(super) state: ContainerState,
    /// The spec that it was started with.
    pub(super) spec: String,
}

impl Server {
    pub(super) fn running(spec: &DatabaseSpec) -> Self {
        Self {
            image: spec.image.clone(),
            state: ContainerState::Running,
            spec: as_started(spec),
        }
    }

    pub(super) fn runs_as(&self, spec: &DatabaseSpec) -> bool {
        self.state == ContainerState::Running && self.spec == as_started(spec)
    }
}

/// How often a commit was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BuildCounts {
    /// Builds that began.
    pub begun: usize,
    /// Builds that made an image.
    pub finished: usize,
}

/// Data of one kind of server are of no use to another.
pub(super) fn check_version(
    (kind, image): (&DatabaseKind, &str),
    spec: &DatabaseSpec,
) -> Result<(), DatabaseError> {
    if *kind == spec.kind {
        return Ok(());
    }
    Err(DatabaseError::Version {
        made_by: image.to_owned(),
        image: spec.image.clone(),
        why: format!("they are data of {kind:?}"),
    })
}

/// Whether the spec joins the database's generation and its environment holds the connection string.
pub(super) fn uses(spec: &ServiceSpec, key: &DatabaseKey) -> bool {
    let host = format!("@{}:", key.name);
    let names =
        |value: &String| value.contains(&host) || database_in(value) == Some(key.name.as_str());
    spec.data == Some(key.generation) && spec.env.values().any(names)
}

/// The host in a connection string of ours; what people run elsewhere has a dot in its name.
pub(super) fn database_in(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or_default();
    let at = match (scheme, authority.rsplit_once('@')) {
        ("postgresql" | "mysql" | "redis", Some((_, at))) => at,
        ("tcp", None) => authority,
        _ => return None,
    };
    let host = at.split(':').next().unwrap_or_default();
    (!host.contains('.')).then_some(host)
}

/// Two specs are the same when they say the same.
fn as_started(spec: &DatabaseSpec) -> String {
    use secrecy::ExposeSecret as _;
    let password = Sha256::digest(spec.password.expose_secret());
    format!("{spec:?} {}", hex::encode(password))
}

/// How large statements are.
pub(super) fn bytes(statements: &[String]) -> u64 {
    statements
        .iter()
        .map(|statement| statement.len() as u64)
        .sum()
}
