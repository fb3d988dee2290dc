//! The databases of the simulated host.

use sha2::{Digest, Sha256};

use crate::{
    blueprint::DatabaseKind,
    databases::{DatabaseError, DatabaseSpec, SnapshotState},
    engine::{ContainerState, ServiceSpec},
    names::DatabaseKey,
};

/// A database's data, with or without a server on it.
#[derive(Clone, Debug)]
pub(super) struct Data {
    /// The kind of server that created it.
    pub(super) kind: DatabaseKind,
    /// The image of that server.
    pub(super) image: String,
    /// Whether its seed run is complete. Until then it is not observable.
    pub(super) complete: bool,
    /// The applied statements and migrations, oldest first.
    pub(super) statements: Vec<String>,
}

/// Data without a preview.
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

/// Number of builds of a commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BuildCounts {
    /// Builds that started.
    pub begun: usize,
    /// Builds that produced an image.
    pub finished: usize,
}

/// Data of one kind of server cannot be used by another.
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
        why: format!("it is data of {kind:?}"),
    })
}

/// Whether the spec joins the database's network and has the connection string in its environment.
pub(super) fn uses(spec: &ServiceSpec, key: &DatabaseKey) -> bool {
    let host = format!("@{}:", key.name);
    let names =
        |value: &String| value.contains(&host) || database_in(value) == Some(key.name.as_str());
    spec.data == Some(key.generation) && spec.env.values().any(names)
}

/// The host in a connection string of Dayfly; hosts of external databases contain a dot.
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

/// Equal specs have equal texts.
fn as_started(spec: &DatabaseSpec) -> String {
    use secrecy::ExposeSecret as _;
    let password = Sha256::digest(spec.password.expose_secret());
    format!("{spec:?} {}", hex::encode(password))
}

/// The total size of statements, in bytes.
pub(super) fn bytes(statements: &[String]) -> u64 {
    statements
        .iter()
        .map(|statement| statement.len() as u64)
        .sum()
}
