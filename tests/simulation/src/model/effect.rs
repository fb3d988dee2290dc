//! What a step does, part by part: between any two parts the control plane may die, the step may
//! be dropped, or something may fail.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
};

use deploy::{
    engine::{Network, Stray},
    fake::{Data, DatabaseAt, ServiceAt},
    names::{CommitSha, DatabaseName, Generation, ImageId, RevisionNumber, ServiceName},
};
use orchestrator::lifecycle::{DataSource, Step};

use super::engine::Origin;

/// One part of a step: one call to an outside world, or one transaction.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// The forge is asked.
    Ask,
    /// Its answer is applied.
    ApplyRead(u64, Option<RevisionNumber>),
    /// A revision is written down.
    Begin(RevisionNumber, CommitSha, u64),
    /// A commit's blueprint is read and written down.
    Blueprint(RevisionNumber),
    /// An image is built.
    Build(ServiceAt, Option<ImageId>),
    /// Its id is written down.
    NoteImage(ServiceAt),
    /// A network is made.
    NetworkMake(Network),
    /// What a revision runs on is written down.
    Assign(
        RevisionNumber,
        Generation,
        DataSource,
        BTreeSet<DatabaseName>,
    ),
    /// A database's container is removed.
    ServerRemove(DatabaseAt),
    /// Its data are removed.
    DataRemove(DatabaseAt),
    /// A seed is put into a fresh server, as the revision has it.
    Seed(DatabaseAt, RevisionNumber),
    /// What came of it appears at once.
    DataPut(DatabaseAt),
    /// Databases are copied, all at one moment.
    Cut(Generation, BTreeSet<DatabaseName>),
    /// The copies appear.
    CopiesPut(Generation),
    /// A database's container is made.
    ServerMake(DatabaseAt),
    /// The container is started.
    ServerStart(DatabaseAt),
    /// It answers with the password of this preview.
    ServerReady(DatabaseAt),
    /// That databases are complete is written down; whether they were made anew.
    Complete(Generation, BTreeSet<DatabaseName>, bool),
    /// That the start of one begins, or came to its end, is written down.
    Answers(DatabaseAt, bool),
    /// That one is no more is written down.
    Forget(DatabaseAt),
    /// A migration's container starts.
    RunStart(RevisionNumber, DatabaseName),
    /// Its end is waited for.
    RunWait(RevisionNumber),
    /// A migration's container is removed.
    RunRemove(u64),
    /// The same, by whoever started it.
    RunClean,
    /// That it ran is written down.
    Migrated(RevisionNumber, DatabaseName),
    /// A service's container is made.
    SvcMake(ServiceAt),
    /// It is started.
    SvcStart(ServiceAt),
    /// A revision answers.
    Probe(RevisionNumber),
    /// That it did is written down.
    Healthy(RevisionNumber),
    /// The reason of an end is looked for.
    Explain(ServiceAt),
    /// A revision is given up.
    GiveUp,
    /// That visitors are about to be led to a revision is written down.
    Served(RevisionNumber),
    /// The proxy takes a table that has the preview's host.
    Announce,
    /// A place is taken, or a place in the queue for one.
    TakePlace,
    /// The proxy takes a table.
    Route(RevisionNumber),
    /// The proxy takes a table that leads nowhere.
    Unroute,
    /// The control plane's own book says the same.
    Routes(Option<RevisionNumber>),
    /// Nothing is on its way any more.
    Drain(RevisionNumber),
    /// A service is stopped and removed.
    SvcRemove(ServiceAt),
    /// An image is removed.
    ImageRemove(ImageId),
    /// A stray is removed.
    StrayRemove(Stray),
    /// A network is removed.
    NetworkRemove(Network),
    /// That a revision is no longer needed is written down.
    Retire(RevisionNumber),
    /// The comment is kept.
    Comment(String),
    /// That records may exist, or do not, is written down.
    Records(bool),
    /// A record is made.
    Deploy,
    /// All records are removed.
    DeleteDeployments,
    /// What was told is written down.
    Reported(String),
    /// A moment passes.
    Settle,
    /// The engine is looked at.
    CheckEmpty,
    /// The end of a life is written down.
    ConfirmGone,
}

/// What a step found out on its way.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Where all services of its revision ran when it was decided.
    pub(super) addresses: BTreeMap<ServiceName, SocketAddr>,
    /// The image that it built.
    pub(super) image: Option<ImageId>,
    /// The data that it copied.
    pub(super) copies: BTreeMap<DatabaseName, Data<Origin>>,
    /// The migration that it runs.
    pub(super) run: Option<u64>,
    /// Whether a moment has passed.
    pub(super) settled: bool,
}

/// Why a step does not go on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stop {
    /// Not yet.
    Wait(u64),
    /// Another try may succeed.
    Again(&'static str),
    /// The revision is at fault.
    Verdict(&'static str),
}

impl Effect {
    /// Whether it is a call to the engine that may be carried out after whoever made it is gone.
    pub(super) fn may_come_late(&self) -> bool {
        matches!(
            self,
            Self::Build(..)
                | Self::NetworkMake(_)
                | Self::ServerRemove(_)
                | Self::ServerMake(_)
                | Self::ServerStart(_)
                | Self::RunStart(..)
                | Self::RunClean
                | Self::SvcMake(_)
                | Self::SvcStart(_)
                | Self::SvcRemove(_)
                | Self::ImageRemove(_)
                | Self::StrayRemove(_)
                | Self::NetworkRemove(_)
        )
    }

    /// Whether the engine carries it out.
    pub(super) fn needs_engine(&self) -> bool {
        self.may_come_late()
            || matches!(
                self,
                Self::Seed(..)
                    | Self::Cut(..)
                    | Self::ServerReady(_)
                    | Self::RunWait(_)
                    | Self::CheckEmpty
            )
    }

    /// Whether it is about servers of databases, and what is in them.
    pub(super) fn is_about_data(&self) -> bool {
        matches!(
            self,
            Self::ServerRemove(_)
                | Self::ServerMake(_)
                | Self::ServerStart(_)
                | Self::ServerReady(_)
                | Self::DataRemove(_)
                | Self::DataPut(_)
                | Self::Seed(..)
                | Self::Cut(..)
                | Self::CopiesPut(_)
        )
    }

    /// Whether the forge carries it out.
    pub(super) fn needs_forge(&self) -> bool {
        matches!(
            self,
            Self::Ask
                | Self::Comment(_)
                | Self::Deploy
                | Self::DeleteDeployments
                | Self::Blueprint(_)
        )
    }

    /// Names what it meant by its step's own findings.
    pub(super) fn bind(&mut self, found: &Found) {
        if let (Self::RunClean, Some(run)) = (&self, found.run) {
            *self = Self::RunRemove(run);
        }
    }
}

/// The parts of a step. `deploys`: whether a report keeps a deployment record.
pub(super) fn parts(step: &Step, deploys: bool) -> VecDeque<Effect> {
    use Effect as E;
    let parts = match step {
        Step::ReadPullRequest { refresh, confirms } => {
            vec![E::Ask, E::ApplyRead(*refresh, *confirms)]
        }
        Step::BeginRevision {
            number,
            commit,
            request,
        } => {
            vec![E::Begin(*number, commit.clone(), *request)]
        }
        Step::ReadSource { revision } => vec![E::Blueprint(*revision)],
        Step::EnsureNetwork { network, .. } => vec![E::NetworkMake(network.clone())],
        Step::Build { revision, service } => {
            let key = (*revision, service.clone());
            vec![E::Build(key.clone(), None), E::NoteImage(key)]
        }
        Step::StartService { revision, service } => {
            let key = (*revision, service.clone());
            vec![E::SvcMake(key.clone()), E::SvcStart(key)]
        }
        Step::Probe { revision } => vec![E::Probe(*revision), E::Healthy(*revision)],
        Step::Explain { revision, service } => vec![E::Explain((*revision, service.clone()))],
        Step::GiveUp { .. } => vec![E::GiveUp],
        Step::Route { revision } => vec![
            E::Served(*revision),
            E::Route(*revision),
            E::Routes(Some(*revision)),
        ],
        Step::Announce => vec![E::Announce],
        Step::TakePlace => vec![E::TakePlace],
        Step::Unroute => vec![E::Unroute, E::Routes(None)],
        Step::Drain { revision } => vec![E::Drain(*revision)],
        Step::RemoveService { revision, service } => {
            vec![E::SvcRemove((*revision, service.clone()))]
        }
        Step::RemoveImage { image } => vec![E::ImageRemove(image.clone())],
        Step::RemoveStray { stray } => vec![E::StrayRemove(stray.clone())],
        Step::RemoveNetwork { network } => vec![E::NetworkRemove(network.clone())],
        Step::Retire { revision } => vec![E::Retire(*revision)],
        Step::Report { key } => report(key, deploys),
        Step::DeleteRecords => vec![E::DeleteDeployments, E::Records(false)],
        Step::ConfirmEmpty { .. } => vec![E::Settle, E::CheckEmpty],
        Step::ConfirmGone => vec![E::ConfirmGone],
        data => of_data(data),
    };
    parts.into()
}

fn of_data(step: &Step) -> Vec<Effect> {
    use Effect as E;
    match step {
        Step::AssignData {
            revision,
            generation,
            from,
            reseed,
        } => vec![E::Assign(
            *revision,
            *generation,
            from.clone(),
            reseed.clone(),
        )],
        Step::CreateDatabase {
            generation,
            name,
            revision,
        } => {
            let key = || (*generation, name.clone());
            vec![
                E::ServerRemove(key()),
                E::DataRemove(key()),
                E::Seed(key(), *revision),
                E::DataPut(key()),
                E::Complete(*generation, [name.clone()].into(), true),
            ]
        }
        Step::ForkData {
            generation,
            from: DataSource::Generation(source),
            names,
            revision: _,
        } => vec![
            E::Cut(*source, names.clone()),
            E::CopiesPut(*generation),
            E::Complete(*generation, names.clone(), false),
        ],
        Step::StartDatabase {
            generation, name, ..
        } => {
            let key = || (*generation, name.clone());
            vec![
                E::Answers(key(), false),
                E::ServerMake(key()),
                E::ServerStart(key()),
                E::ServerReady(key()),
                E::Answers(key(), true),
            ]
        }
        Step::StopDatabase { generation, name } => {
            vec![E::ServerRemove((*generation, name.clone()))]
        }
        Step::Migrate { revision, database } => vec![
            E::RunStart(*revision, database.clone()),
            E::RunWait(*revision),
            E::RunClean,
            E::Migrated(*revision, database.clone()),
        ],
        Step::RemoveDatabase { generation, name } => {
            let key = || (*generation, name.clone());
            vec![
                E::Forget(key()),
                E::ServerRemove(key()),
                E::DataRemove(key()),
            ]
        }
        _ => Vec::new(),
    }
}

fn report(key: &str, deploys: bool) -> Vec<Effect> {
    let unknown = Effect::Reported(String::new());
    let mut parts = vec![unknown, Effect::Comment(key.to_owned())];
    if deploys {
        parts.extend([Effect::Records(true), Effect::Deploy]);
    }
    parts.push(Effect::Reported(key.to_owned()));
    parts
}
