//! One idempotent effect, as data.

use std::collections::BTreeSet;

use deploy::{
    engine::{Network, Stray},
    names::{CommitSha, DatabaseName, Generation, ImageId, RevisionNumber, ServiceName},
};

use super::data_source::DataSource;

/// Something to be done. Doing it twice is as good as once; having begun it and died leaves
/// something that the next look sees. Names all that it needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Ask the forge what the pull request wants.
    ReadPullRequest {
        /// The refresh counter as it stood when this was decided.
        refresh: u64,
        /// The revision whose services have started; its commit is compared once more.
        confirms: Option<RevisionNumber>,
    },
    /// Write down a new revision, and that older ones which do not serve yet are superseded.
    BeginRevision {
        /// Its number.
        number: RevisionNumber,
        /// Its commit.
        commit: CommitSha,
        /// What it answers.
        request: u64,
    },
    /// Fetch the commit and read what it asks for.
    ReadSource {
        /// Of which revision.
        revision: RevisionNumber,
    },
    /// Make a network.
    EnsureNetwork {
        /// Which.
        network: Network,
        /// For how many containers.
        members: usize,
    },
    /// Build a service's image, or fetch it where somebody else made it.
    Build {
        /// Of which revision.
        revision: RevisionNumber,
        /// Which service.
        service: ServiceName,
    },
    /// Write down which generation of databases a revision runs on.
    AssignData {
        /// Which revision.
        revision: RevisionNumber,
        /// Its generation.
        generation: Generation,
        /// Where its data come from; itself where they are used as they are.
        from: DataSource,
        /// Databases that come from their seeds all the same.
        reseed: BTreeSet<DatabaseName>,
    },
    /// Copy databases, all at one moment.
    ForkData {
        /// Into which generation.
        generation: Generation,
        /// From where.
        from: DataSource,
        /// Which.
        names: BTreeSet<DatabaseName>,
        /// On whose behalf.
        revision: RevisionNumber,
    },
    /// Make a database's data from its seed.
    CreateDatabase {
        /// In which generation.
        generation: Generation,
        /// Which.
        name: DatabaseName,
        /// Whose blueprint and seed.
        revision: RevisionNumber,
    },
    /// Start a server on data that are complete.
    StartDatabase {
        /// Of which generation.
        generation: Generation,
        /// Which.
        name: DatabaseName,
        /// On whose behalf.
        revision: RevisionNumber,
    },
    /// Stop a server whose data are kept.
    StopDatabase {
        /// Of which generation.
        generation: Generation,
        /// Which.
        name: DatabaseName,
    },
    /// Run a revision's migration.
    Migrate {
        /// Whose.
        revision: RevisionNumber,
        /// On which database.
        database: DatabaseName,
    },
    /// Start a service's container.
    StartService {
        /// Of which revision.
        revision: RevisionNumber,
        /// Which.
        service: ServiceName,
    },
    /// Wait until all services of a revision are ready.
    Probe {
        /// Which.
        revision: RevisionNumber,
    },
    /// Find out why a service of a revision that never served has ended, and write it down.
    Explain {
        /// Of which revision.
        revision: RevisionNumber,
        /// Which service.
        service: ServiceName,
    },
    /// Write down that a revision was tried too often.
    GiveUp {
        /// Which.
        revision: RevisionNumber,
        /// What was tried, for people.
        what: String,
    },
    /// Put the preview's main host into the proxy's table, before anything of it serves.
    Announce,
    /// Take a place among the previews that may run, or a place in the queue for one.
    TakePlace,
    /// Lead the preview's hosts to a revision.
    Route {
        /// Which.
        revision: RevisionNumber,
    },
    /// Lead the preview's hosts nowhere.
    Unroute,
    /// Wait until nothing is in flight to a revision.
    Drain {
        /// Which.
        revision: RevisionNumber,
    },
    /// Stop and remove a service's container.
    RemoveService {
        /// Of which revision.
        revision: RevisionNumber,
        /// Which.
        service: ServiceName,
    },
    /// Remove a database and its data.
    RemoveDatabase {
        /// Of which generation.
        generation: Generation,
        /// Which.
        name: DatabaseName,
    },
    /// Remove an image.
    RemoveImage {
        /// Which.
        image: ImageId,
    },
    /// Remove what a crash left.
    RemoveStray {
        /// What.
        stray: Stray,
    },
    /// Remove a network.
    RemoveNetwork {
        /// Which.
        network: Network,
    },
    /// Write down that a revision that served is no longer needed.
    Retire {
        /// Which.
        revision: RevisionNumber,
    },
    /// Tell the forge.
    Report {
        /// Stands for what is to be told.
        key: String,
    },
    /// Remove the deployment records.
    DeleteRecords,
    /// Check once more whether nothing is left.
    ConfirmEmpty {
        /// How many checks in a row found nothing so far.
        seen: u32,
    },
    /// Write down that nothing is left of this life.
    ConfirmGone,
}

impl Step {
    /// Whether it changes where the preview's hosts lead.
    pub fn changes_route(&self) -> bool {
        matches!(self, Self::Route { .. } | Self::Unroute)
    }

    /// Whether it makes, starts, stops or removes this database.
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

    /// What its backoffs are counted under: readings and reports are one thing each, whatever
    /// they are about.
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
