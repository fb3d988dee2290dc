//! One idempotent effect, as data.

use std::collections::BTreeSet;

use deploy::{
    engine::{Network, Stray},
    names::{CommitSha, DatabaseName, Generation, ImageId, RevisionNumber, ServiceName},
};

use super::data_source::DataSource;

/// One effect. Running it twice is the same as once. If a crash interrupts it, the next observation
/// shows the remains. It carries all its parameters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Read the pull request from the forge.
    ReadPullRequest {
        /// The refresh counter at the time of the decision.
        refresh: u64,
        /// The revision whose services have started and whose commit is compared again.
        confirms: Option<RevisionNumber>,
    },
    /// Record a new revision, and mark older ones that do not serve yet as superseded.
    BeginRevision {
        /// Its number.
        number: RevisionNumber,
        /// Its commit.
        commit: CommitSha,
        /// The request that it answers.
        request: u64,
    },
    /// Fetch the commit and read its blueprint.
    ReadSource {
        /// The revision.
        revision: RevisionNumber,
    },
    /// Create a network.
    EnsureNetwork {
        /// The network.
        network: Network,
        /// The maximum number of containers in it.
        members: usize,
    },
    /// Build a service's image, or pull it if it is a ready-made one.
    Build {
        /// The revision.
        revision: RevisionNumber,
        /// The service.
        service: ServiceName,
    },
    /// Record the generation of databases that a revision runs on.
    AssignData {
        /// The revision.
        revision: RevisionNumber,
        /// Its generation.
        generation: Generation,
        /// The source of its data; the generation itself if its data is used unchanged.
        from: DataSource,
        /// Databases that are created from their seeds nevertheless.
        reseed: BTreeSet<DatabaseName>,
    },
    /// Copy databases, all at one moment.
    ForkData {
        /// The target generation.
        generation: Generation,
        /// The source of the data.
        from: DataSource,
        /// The databases.
        names: BTreeSet<DatabaseName>,
        /// The revision that needs it.
        revision: RevisionNumber,
    },
    /// Create a database's data from its seed.
    CreateDatabase {
        /// The generation.
        generation: Generation,
        /// The database.
        name: DatabaseName,
        /// The revision that provides the blueprint and the seed.
        revision: RevisionNumber,
    },
    /// Start a database server on complete data.
    StartDatabase {
        /// The generation.
        generation: Generation,
        /// The database.
        name: DatabaseName,
        /// The revision that needs it.
        revision: RevisionNumber,
    },
    /// Stop a database server and keep its data.
    StopDatabase {
        /// The generation.
        generation: Generation,
        /// The database.
        name: DatabaseName,
    },
    /// Run a revision's migration.
    Migrate {
        /// The revision.
        revision: RevisionNumber,
        /// The database.
        database: DatabaseName,
    },
    /// Start a service's container.
    StartService {
        /// The revision.
        revision: RevisionNumber,
        /// The service.
        service: ServiceName,
    },
    /// Wait until all services of a revision are ready.
    Probe {
        /// The revision.
        revision: RevisionNumber,
    },
    /// Find out why a service of a revision that never served has exited, and record the reason.
    Explain {
        /// The revision.
        revision: RevisionNumber,
        /// The service.
        service: ServiceName,
    },
    /// Record that a revision failed too often.
    GiveUp {
        /// The revision.
        revision: RevisionNumber,
        /// The step that failed, for people.
        what: String,
    },
    /// Publish the preview's main host, before any revision serves.
    Announce,
    /// Take a place among the previews that may run, or a place in the queue for one.
    TakePlace,
    /// Point the preview's hosts at a revision.
    Route {
        /// The revision.
        revision: RevisionNumber,
    },
    /// Remove the route of the preview's hosts.
    Unroute,
    /// Wait until no request to a revision is in flight.
    Drain {
        /// The revision.
        revision: RevisionNumber,
    },
    /// Stop and remove a service's container.
    RemoveService {
        /// The revision.
        revision: RevisionNumber,
        /// The service.
        service: ServiceName,
    },
    /// Remove a database and its data.
    RemoveDatabase {
        /// The generation.
        generation: Generation,
        /// The database.
        name: DatabaseName,
    },
    /// Remove an image.
    RemoveImage {
        /// The image.
        image: ImageId,
    },
    /// Remove an object that a crash left behind.
    RemoveStray {
        /// The object.
        stray: Stray,
    },
    /// Remove a network.
    RemoveNetwork {
        /// The network.
        network: Network,
    },
    /// Record that a revision that served is not needed any more.
    Retire {
        /// The revision.
        revision: RevisionNumber,
    },
    /// Report to the forge.
    Report {
        /// Identifies the content of the report.
        key: String,
    },
    /// Remove the deployment records.
    DeleteRecords,
    /// Check again that nothing is left.
    ConfirmEmpty {
        /// The number of checks in a row that found nothing.
        seen: u32,
    },
    /// Record that nothing is left of this life.
    ConfirmGone,
}

impl Step {
    /// Whether it changes the route of the preview's hosts.
    pub fn changes_route(&self) -> bool {
        matches!(self, Self::Route { .. } | Self::Unroute)
    }

    /// Whether it creates, starts, stops or removes this database.
    pub fn changes_database(&self, of: Generation, database: &DatabaseName) -> bool {
        match self {
            Self::CreateDatabase {
                generation, name, ..
            }
            | Self::StartDatabase {
                generation, name, ..
            }
            | Self::StopDatabase { generation, name }
            | Self::RemoveDatabase { generation, name } => *generation == of && name == database,
            Self::ForkData {
                generation, names, ..
            } => *generation == of && names.contains(database),
            Self::RemoveStray { stray } => {
                let key = stray.database.as_ref();
                key.is_some_and(|(generation, name)| *generation == of && name == database)
            }
            _ => false,
        }
    }

    /// Whether it copies data of this generation of the preview itself.
    pub fn copies_from(&self, source: Generation) -> bool {
        matches!(self, Self::ForkData { from: DataSource::Generation(from), .. } if *from == source)
    }

    /// The key for its backoff: all reads share one key, and so do all reports.
    pub fn backoff_key(&self) -> Self {
        match self {
            Self::ReadPullRequest { .. } => Self::ReadPullRequest {
                refresh: 0,
                confirms: None,
            },
            Self::Report { .. } => Self::Report { key: String::new() },
            other => other.clone(),
        }
    }
}
