//! What is: recorded facts that only we can know, and what the outside worlds show.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use deploy::{
    blueprint::{Blueprint, Database},
    builder::Fingerprint,
    engine::{ContainerState, Network, Stray},
    names::{CommitSha, DatabaseName, Generation, ImageId, RevisionNumber, ServiceName},
};
use serde::{Deserialize, Serialize};

use super::{data_source::DataSource, step::Step};

/// A failure in words for the person who can mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Stable code such as `DF302`.
    pub code: String,
    /// What broke, in one sentence.
    pub sentence: String,
    /// Lines of output that show it.
    pub evidence: Vec<String>,
    /// What to do next.
    pub action: String,
}

/// How a revision ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It never came to serve; the same commit would fail the same way.
    Failed(Diagnosis),
    /// A newer commit came before it served.
    Superseded,
    /// It served, and was replaced or removed.
    Retired,
}

/// Work whose beginnings are counted on disk before it begins, so that what kills us is not tried
/// for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Attempt {
    /// Fetching the commit and reading its blueprint.
    Source,
    /// Building one service.
    Build(ServiceName),
    /// Making one database.
    Database(DatabaseName),
    /// Copying databases.
    Fork,
    /// Starting one database.
    StartDatabase(DatabaseName),
    /// Migrating one database.
    Migrate(DatabaseName),
    /// Starting one service.
    Start(ServiceName),
    /// Waiting until the revision is healthy.
    Probe,
}

/// What we recorded of one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionFacts {
    /// Its number.
    pub number: RevisionNumber,
    /// The life of the preview it belongs to.
    pub life: u32,
    /// Its commit.
    pub commit: CommitSha,
    /// The [`Desired::request`](super::Desired::request) it answers.
    pub request: u64,
    /// What the commit asks for, once read.
    pub blueprint: Option<Blueprint>,
    /// The image of each service, once there. Revisions share the images of services that did not
    /// change between them.
    pub images: BTreeMap<ServiceName, ImageId>,
    /// What each image that we built was built from.
    pub fingerprints: BTreeMap<ServiceName, Fingerprint>,
    /// The state of the databases that it runs on, once that is decided.
    pub generation: Option<Generation>,
    /// Databases that its migration has run on.
    pub migrated: BTreeSet<DatabaseName>,
    /// Beginnings so far.
    pub attempts: BTreeMap<Attempt, u32>,
    /// Whether all its services were once seen healthy together.
    pub healthy: bool,
    /// Whether visitors were led to it.
    pub served: bool,
    /// How it ended, once it has.
    pub outcome: Option<Outcome>,
}

impl RevisionFacts {
    /// Whether it still has a claim on what it has in the engine.
    pub fn is_alive(&self) -> bool {
        self.outcome.is_none()
    }

    /// The databases that its commit asks for; none while that was not read.
    pub fn databases(&self) -> impl Iterator<Item = &Database> {
        self.blueprint.iter().flat_map(|known| &known.databases)
    }
}

/// What we recorded of one generation of databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationFacts {
    /// Where its data come from.
    pub from: DataSource,
    /// Databases that come from their seeds all the same.
    pub reseed: BTreeSet<DatabaseName>,
    /// Databases whose data are complete.
    pub complete: BTreeSet<DatabaseName>,
    /// Databases whose last start came to its end: the server answered.
    pub answering: BTreeSet<DatabaseName>,
}

impl GenerationFacts {
    /// The generation of the same preview that it is copied from.
    pub fn source(&self) -> Option<Generation> {
        match self.from {
            DataSource::Generation(source) => Some(source),
            DataSource::Seeds | DataSource::Preview(_) => None,
        }
    }
}

/// A service's container as last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceView {
    /// What it does.
    pub state: ContainerState,
    /// Where it is reached, while it runs.
    pub address: Option<SocketAddr>,
}

/// Where the preview's hosts lead now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// The revision that serves.
    pub revision: RevisionNumber,
    /// The address of each of its public services.
    pub addresses: BTreeMap<ServiceName, SocketAddr>,
}

/// Whether the preview may start what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It holds a place.
    Granted,
    /// It has no place, and has to ask for one: it never asked, or its turn has come.
    Due,
    /// It waits for one.
    Waiting {
        /// How many are before it.
        before: usize,
    },
}

/// Why a build does not begin yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildWait {
    /// How many builds are before it.
    pub before: usize,
    /// What the host lacks, where it is that which is waited for.
    pub blocker: Option<String>,
}

/// A step that failed in a way that another try may mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// How many times in a row.
    pub count: u32,
    /// When it may be tried again, on the clock that `decide` is given.
    pub retry_at_ms: u64,
    /// What went wrong, for people.
    pub reason: String,
}

/// Everything that is, of one preview.
#[derive(Clone, Debug)]
pub struct Observed {
    /// All revisions of the present life, oldest first.
    pub revisions: Vec<RevisionFacts>,
    /// The highest number ever given, in any life.
    pub last_number: u32,
    /// Generations of the present life's databases.
    pub generations: BTreeMap<Generation, GenerationFacts>,
    /// The highest generation ever given, in any life.
    pub last_generation: u32,
    /// Whether the revision that served before is still kept to go back to.
    pub undo_is_over: bool,
    /// Networks.
    pub networks: BTreeSet<Network>,
    /// Service containers.
    pub services: BTreeMap<(RevisionNumber, ServiceName), ServiceView>,
    /// Database containers.
    pub databases: BTreeMap<(Generation, DatabaseName), ContainerState>,
    /// Databases whose data are there.
    pub data: BTreeSet<(Generation, DatabaseName)>,
    /// Images that we built, with the revision they were built for.
    pub images: BTreeMap<ImageId, RevisionNumber>,
    /// Everything else in the engine that carries our labels.
    pub strays: BTreeSet<Stray>,
    /// Where the preview's hosts lead.
    pub route: Option<Routed>,
    /// Revisions that visitors may meet although `route` does not say so: a change of the route
    /// to each of them was begun, and whether the proxy took it is not known.
    pub in_doubt: BTreeSet<RevisionNumber>,
    /// Addresses at which a revision's services were all seen ready.
    pub ready: BTreeMap<RevisionNumber, BTreeMap<ServiceName, SocketAddr>>,
    /// Revisions that are known to have nothing in flight since their route was taken away.
    pub drained: BTreeSet<RevisionNumber>,
    /// Whether the proxy's table has its main host, so that visitors see how far it is.
    pub announced: bool,
    /// Whether it may start what it needs.
    pub admission: Admission,
    /// What its builds wait for, while they do.
    pub build_wait: Option<BuildWait>,
    /// What the seed run of its data last said, while it goes on.
    pub seeding: Option<String>,
    /// What is seen of services that are not ready, while they are waited for.
    pub starting: Option<String>,
    /// Whether the engine's disk is so full that only what runs is kept.
    pub disk_is_full: bool,
    /// Stands for what the forge should be told now; equal as long as it would be told the same.
    pub report: Option<String>,
    /// The same, of what the forge was last told.
    pub reported: Option<String>,
    /// Whether deployment records may exist on the forge.
    pub records: bool,
    /// How many checks in a row found nothing left in the engine.
    pub empty_checks: u32,
    /// Steps that failed and wait for their next try.
    pub backoffs: BTreeMap<Step, Backoff>,
    /// Steps under way that are past their deadline.
    pub late: BTreeSet<Step>,
}

impl Observed {
    /// A preview of which nothing is there.
    pub fn nothing() -> Self {
        Self {
            revisions: Vec::new(),
            last_number: 0,
            generations: BTreeMap::new(),
            last_generation: 0,
            undo_is_over: false,
            networks: BTreeSet::new(),
            services: BTreeMap::new(),
            databases: BTreeMap::new(),
            data: BTreeSet::new(),
            images: BTreeMap::new(),
            strays: BTreeSet::new(),
            route: None,
            in_doubt: BTreeSet::new(),
            ready: BTreeMap::new(),
            drained: BTreeSet::new(),
            announced: true,
            admission: Admission::Granted,
            build_wait: None,
            seeding: None,
            starting: None,
            disk_is_full: false,
            report: None,
            reported: None,
            records: false,
            empty_checks: 0,
            backoffs: BTreeMap::new(),
            late: BTreeSet::new(),
        }
    }

    /// The facts of one revision.
    pub fn revision(&self, number: RevisionNumber) -> Option<&RevisionFacts> {
        self.revisions
            .iter()
            .find(|revision| revision.number == number)
    }

    /// The newest revision that visitors meet, or may meet. Where routes were lost, as they are by a
    /// restore, the one that they met last and that nothing has replaced.
    pub fn serving(&self) -> Option<&RevisionFacts> {
        let routed = self.route.as_ref().map(|route| route.revision);
        match routed.max(self.in_doubt.last().copied()) {
            Some(newest) => self.revision(newest),
            None => {
                let mut newest_first = self.revisions.iter().rev();
                newest_first.find(|known| known.served && known.healthy && known.is_alive())
            }
        }
    }

    /// The newest revision that served before the one that serves, while one can go back to it: its
    /// data are whole, or it had none.
    pub fn before(&self) -> Option<&RevisionFacts> {
        self.replaced_by(self.serving()?, &[Some(Outcome::Retired)])
    }

    /// The newest revision that served before another one, ended in one of these ways, and can be
    /// gone back to.
    pub(super) fn replaced_by(
        &self,
        other: &RevisionFacts,
        outcomes: &[Option<Outcome>],
    ) -> Option<&RevisionFacts> {
        let replaced = |revision: &&RevisionFacts| {
            revision.number < other.number
                && revision.served
                && outcomes.contains(&revision.outcome)
                && self.is_whole(revision)
        };
        let mut newest_first = self.revisions.iter().rev();
        newest_first.find(replaced).filter(|_| !self.undo_is_over)
    }

    /// Whether the data of every database that a revision asks for are complete.
    pub fn is_whole(&self, revision: &RevisionFacts) -> bool {
        revision.databases().all(|database| {
            revision
                .generation
                .is_some_and(|generation| self.is_complete(generation, &database.name))
        })
    }

    /// The commit that a service's image of this revision was built for, where that is not its own:
    /// nothing that the image is made of has changed since.
    pub fn unchanged_since(
        &self,
        revision: &RevisionFacts,
        service: &ServiceName,
    ) -> Option<&CommitSha> {
        let image = revision.images.get(service)?;
        let first = self
            .revisions
            .iter()
            .find(|facts| facts.images.values().any(|other| other == image))?;
        (first.commit != revision.commit).then_some(&first.commit)
    }

    /// Whether the engine holds nothing of the preview.
    pub fn engine_is_empty(&self) -> bool {
        self.networks.is_empty()
            && self.services.is_empty()
            && self.databases.is_empty()
            && self.data.is_empty()
            && self.images.is_empty()
            && self.strays.is_empty()
    }

    /// Whether all services of a revision run, or are about to be started again by the engine.
    pub fn runs(&self, revision: &RevisionFacts) -> bool {
        let runs = |service: &deploy::blueprint::Service| {
            let key = (revision.number, service.name.clone());
            let view = self.services.get(&key);
            view.is_some_and(|view| view.state == ContainerState::Running)
        };
        let blueprint = revision.blueprint.as_ref();
        blueprint.is_some_and(|blueprint| blueprint.services.iter().all(runs))
    }

    /// The addresses of a revision's services, if all of them run.
    pub fn addresses(&self, revision: &RevisionFacts) -> Option<BTreeMap<ServiceName, SocketAddr>> {
        let blueprint = revision.blueprint.as_ref()?;
        let address = |service: &deploy::blueprint::Service| {
            let view = self
                .services
                .get(&(revision.number, service.name.clone()))?;
            match view.state {
                ContainerState::Running => Some((service.name.clone(), view.address?)),
                _ => None,
            }
        };
        blueprint.services.iter().map(address).collect()
    }
}
