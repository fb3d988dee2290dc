//! The databases of the simulated host.

use crate::{
    blueprint::DatabaseKind,
    databases::{DatabaseError, DatabaseSpec, SnapshotState},
    engine::{ContainerState, ServiceSpec},
    names::{DatabaseName, Generation},
};

/// A database's data, with or without a server on it.
#[derive(Clone, Debug)]
pub struct Data<M = ()> {
    /// The kind of server that created it.
    pub kind: DatabaseKind,
    /// The image of that server.
    pub image: String,
    /// Whether its seed run is complete. Until then it is not observable.
    pub complete: bool,
    /// The applied statements and migrations, oldest first.
    pub statements: Vec<String>,
    /// The mark of its owner.
    pub mark: M,
}

impl<M> Data<M> {
    /// Complete data, in which nothing is.
    pub fn empty(spec: &DatabaseSpec, mark: M) -> Self {
        Self {
            kind: spec.kind.clone(),
            image: spec.image.clone(),
            complete: true,
            statements: Vec::new(),
            mark,
        }
    }
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
pub struct Server<M = ()> {
    /// The spec that it was created with.
    pub spec: DatabaseSpec,
    /// Its state.
    pub state: ContainerState,
    /// The mark of its owner.
    pub mark: M,
}

impl<M> Server<M> {
    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.state == ContainerState::Running
    }

    /// Ends it from outside; `false` if it does not run.
    pub fn end(&mut self, state: ContainerState) -> bool {
        let ends = self.is_running();
        if ends {
            self.state = state;
        }
        ends
    }

    pub(super) fn runs_as(&self, spec: &DatabaseSpec) -> bool {
        self.is_running() && as_started(&self.spec) == as_started(spec)
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
pub(super) fn uses(spec: &ServiceSpec, (generation, name): &(Generation, DatabaseName)) -> bool {
    let host = format!("@{name}:");
    let names = |value: &String| value.contains(&host) || database_in(value) == Some(name.as_str());
    spec.data == Some(*generation) && spec.env.values().any(names)
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
    format!("{spec:?} {}", spec.password.expose_secret())
}

/// The total size of statements, in bytes.
pub(super) fn bytes(statements: &[String]) -> u64 {
    statements
        .iter()
        .map(|statement| statement.len() as u64)
        .sum()
}
