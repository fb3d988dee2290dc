//! The observed state: facts that only Dayfly records, and the state of the engine, proxy and
//! forge.

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

use super::{backoff::Backoff, data_source::DataSource, step::Step};

/// A failure, described for the user or operator that can fix it.
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
    /// It failed before it served; the same commit would fail the same way.
    Failed(Diagnosis),
    /// A newer commit came before it served.
    Superseded,
    /// It served, and was replaced or removed.
    Retired,
}

/// Work whose attempts are counted on disk before they start, so that work that crashes the server
/// is not retried for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Attempt {
    /// Fetching the commit and reading its blueprint.
    Source,
    /// Building one service.
    Build(ServiceName),
    /// Creating one database.
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

/// Dayfly's record of one revision.
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
    /// The commit's blueprint, once read.
    pub blueprint: Option<Blueprint>,
    /// The image of each service, once it exists. Revisions share the images of unchanged services.
    pub images: BTreeMap<ServiceName, ImageId>,
    /// The fingerprint of the build inputs of each image that Dayfly built.
    pub fingerprints: BTreeMap<ServiceName, Fingerprint>,
    /// The generation of its databases, once assigned.
    pub generation: Option<Generation>,
    /// Databases on which its migration has run.
    pub migrated: BTreeSet<DatabaseName>,
    /// The number of attempts so far.
    pub attempts: BTreeMap<Attempt, u32>,
    /// Whether all its services were healthy at the same time once.
    pub healthy: bool,
    /// Whether it has served visitors.
    pub served: bool,
    /// How it ended, once it has.
    pub outcome: Option<Outcome>,
}

impl RevisionFacts {
    /// Whether its objects in the engine must be kept.
    pub fn is_alive(&self) -> bool {
        self.outcome.is_none()
    }

    /// The databases of its blueprint; none until the commit is read.
    pub fn databases(&self) -> impl Iterator<Item = &Database> {
        self.blueprint.iter().flat_map(|known| &known.databases)
    }

    /// The services with the same image source as this one, itself included.
    pub fn made_of_the_same(&self, service: &ServiceName) -> Vec<ServiceName> {
        let services = || self.blueprint.iter().flat_map(|known| &known.services);
        let source = services().find(|known| known.name == *service);
        let source = source.map(|known| &known.image);
        services()
            .filter(|other| Some(&other.image) == source)
            .map(|other| other.name.clone())
            .collect()
    }

    /// The databases with nothing to migrate once it runs on a generation: those that it shares as
    /// they are.
    pub fn migrated_on(
        &self,
        generation: Generation,
        from: &DataSource,
        reseed: &BTreeSet<DatabaseName>,
    ) -> BTreeSet<DatabaseName> {
        let same = *from == DataSource::Generation(generation);
        let names = self.databases().map(|database| &database.name);
        names
            .filter(|name| same && !reseed.contains(*name))
            .cloned()
            .collect()
    }
}

/// Dayfly's record of one generation of databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationFacts {
    /// The source of its data.
    pub from: DataSource,
    /// Databases that are created from their seeds nevertheless.
    pub reseed: BTreeSet<DatabaseName>,
    /// Databases whose data is complete.
    pub complete: BTreeSet<DatabaseName>,
    /// Databases whose server answered after its last start.
    pub answering: BTreeSet<DatabaseName>,
}

impl GenerationFacts {
    /// The generation of the same preview that it is copied from, if any.
    pub fn source(&self) -> Option<Generation> {
        match self.from {
            DataSource::Generation(source) => Some(source),
            DataSource::Seeds | DataSource::Preview(_) => None,
        }
    }
}

/// The last observation of a service's container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceView {
    /// The state of the container.
    pub state: ContainerState,
    /// Its address, while it runs.
    pub address: Option<SocketAddr>,
}

/// The current target of the preview's hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// The serving revision.
    pub revision: RevisionNumber,
    /// The address of each of its public services.
    pub addresses: BTreeMap<ServiceName, SocketAddr>,
}

/// Whether the preview may start its containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It holds a place.
    Granted,
    /// It has no place and should ask for one: it never asked, or its turn has come.
    Due,
    /// It waits for one.
    Waiting {
        /// The number of previews before it in the queue.
        before: usize,
    },
}

/// Why a build does not start yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildWait {
    /// The number of builds before it in the queue.
    pub before: usize,
    /// The resource that the host lacks, if the build waits for the host.
    pub blocker: Option<String>,
}

/// The observed state of one preview.
#[derive(Clone, Debug)]
pub struct Observed {
    /// All revisions of the current life, oldest first.
    pub revisions: Vec<RevisionFacts>,
    /// The highest revision number in any life.
    pub last_number: u32,
    /// The generations of databases of the current life.
    pub generations: BTreeMap<Generation, GenerationFacts>,
    /// The highest generation number in any life.
    pub last_generation: u32,
    /// Whether the undo window of the revision that served before has expired.
    pub undo_is_over: bool,
    /// The preview's networks.
    pub networks: BTreeSet<Network>,
    /// The service containers.
    pub services: BTreeMap<(RevisionNumber, ServiceName), ServiceView>,
    /// The database containers.
    pub databases: BTreeMap<(Generation, DatabaseName), ContainerState>,
    /// Databases that have data in the pool.
    pub data: BTreeSet<(Generation, DatabaseName)>,
    /// Images that Dayfly built, and the revision that each was built for.
    pub images: BTreeMap<ImageId, RevisionNumber>,
    /// All other objects in the engine with Dayfly's labels.
    pub strays: BTreeSet<Stray>,
    /// The target of the preview's hosts.
    pub route: Option<Routed>,
    /// Revisions that may serve visitors although `route` does not say so. A route change to each
    /// of them has started, and it is unknown whether the proxy accepted it.
    pub in_doubt: BTreeSet<RevisionNumber>,
    /// The addresses at which all services of a revision were ready.
    pub ready: BTreeMap<RevisionNumber, BTreeMap<ServiceName, SocketAddr>>,
    /// Revisions without requests in flight since their route was removed.
    pub drained: BTreeSet<RevisionNumber>,
    /// Whether the proxy's table has its main host, so that visitors see its progress.
    pub announced: bool,
    /// Whether it may start its containers.
    pub admission: Admission,
    /// Why its builds wait, while they do.
    pub build_wait: Option<BuildWait>,
    /// The latest progress of its seed run, while it runs.
    pub seeding: Option<String>,
    /// The latest progress of services that are not ready yet.
    pub starting: Option<String>,
    /// Whether the engine's disk is so full that only objects in use are kept.
    pub disk_is_full: bool,
    /// The key of the report that the forge should have. Equal keys mean equal reports.
    pub report: Option<String>,
    /// The key of the last report to the forge.
    pub reported: Option<String>,
    /// Whether deployment records may exist on the forge.
    pub records: bool,
    /// How many checks in a row found nothing left in the engine.
    pub empty_checks: u32,
    /// Steps that failed and wait for their retry.
    pub backoffs: BTreeMap<Step, Backoff>,
    /// Steps under way that are past their deadline.
    pub late: BTreeSet<Step>,
}

impl Observed {
    /// The state of a preview that has no objects and no records.
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

    /// The newest revision that serves visitors, or may do so. If the routes are lost, as after a
    /// restore, the last revision that served and was not replaced.
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

    /// The revision that an undo goes back to: the newest one that served before the serving one.
    /// Its data is complete, or it had none.
    pub fn before(&self) -> Option<&RevisionFacts> {
        self.replaced_by(self.serving()?, &[Some(Outcome::Retired)])
    }

    /// The newest revision that served before another one, has one of these outcomes, and can be
    /// restored by an undo.
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

    /// Whether the data of every database of a revision is complete.
    pub fn is_whole(&self, revision: &RevisionFacts) -> bool {
        revision.databases().all(|database| {
            revision
                .generation
                .is_some_and(|generation| self.is_complete(generation, &database.name))
        })
    }

    /// The earlier commit that a service's image was built for. None if the image was built for
    /// this revision's own commit.
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

    /// Whether all services of a revision run, or the engine is about to restart them.
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
