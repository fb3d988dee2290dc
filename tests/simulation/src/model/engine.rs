//! The modelled engine: objects, what they do, and what a look at them shows.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use deploy::{
    engine::{ContainerState, Network, Stray, StrayKind},
    names::{DatabaseName, Generation, ImageId, RevisionNumber, ServiceName},
};
use orchestrator::lifecycle::{Observed, ServiceView};

use super::words::preview;

/// Which service of which revision.
pub(super) type Key = (RevisionNumber, ServiceName);

/// What every object carries: who asked for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// The life of the preview in which it was asked for.
    pub(super) life: u32,
    /// Whether it appeared after whoever asked for it had gone.
    pub(super) late: bool,
}

/// A service's container.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// What it does.
    pub(super) state: ContainerState,
    /// Where it is reached while it runs.
    pub(super) address: SocketAddr,
    /// From when on it answers; never, for some.
    pub(super) ready_at: Option<u64>,
    /// What it was made from.
    pub(super) image: ImageId,
    /// Who asked for it.
    pub(super) origin: Origin,
}

/// Which database of which generation.
pub(super) type DataKey = (Generation, DatabaseName);

/// A database: its container and its data.
#[derive(Clone, Debug)]
pub(super) struct Database {
    /// The container.
    pub(super) container: Option<ContainerState>,
    /// The data; they are complete or not there.
    pub(super) data: Option<Data>,
    /// Whether its server was once seen to answer with the password of this preview.
    pub(super) answers: bool,
    /// Who asked for it.
    pub(super) origin: Origin,
}

/// What is in a database.
#[derive(Clone, Debug, Default)]
pub(super) struct Data {
    /// Migrations that ran, by what stands for their files.
    pub(super) migrated: BTreeSet<String>,
}

/// A migration's container.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Whose.
    pub(super) revision: RevisionNumber,
    /// On which database.
    pub(super) database: DataKey,
    /// When it ends, while it runs.
    pub(super) ends_at: Option<u64>,
    /// Who asked for it.
    pub(super) origin: Origin,
}

/// All that there is.
#[derive(Debug, Default)]
pub(super) struct Engine {
    /// Networks.
    pub(super) networks: BTreeMap<Network, Origin>,
    /// Service containers.
    pub(super) services: BTreeMap<Key, Service>,
    /// Databases.
    pub(super) databases: BTreeMap<DataKey, Database>,
    /// Generations of which somebody deleted data.
    pub(super) damaged: BTreeSet<Generation>,
    /// Images, by what they were built for.
    pub(super) images: BTreeMap<Key, (ImageId, Origin)>,
    /// Migrations that run, or that were cut off.
    pub(super) runs: BTreeMap<u64, Run>,
    /// Until when it does not answer.
    pub(super) away_until: u64,
    /// When somebody else last changed something, or something appeared late.
    pub(super) outside_at: u64,
    /// Numbers for images, runs and addresses.
    pub(super) counter: u64,
}

impl Engine {
    /// A number that was never given before.
    pub(super) fn fresh_number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// An address in a revision's network.
    pub(super) fn address(revision: RevisionNumber, host: u64) -> SocketAddr {
        let part = |value: u64| u8::try_from(value % 250).unwrap_or(0);
        let ip = Ipv4Addr::new(
            10,
            part(u64::from(revision.0)),
            part(host / 250),
            part(host),
        );
        SocketAddr::new(IpAddr::V4(ip), 8080)
    }

    /// Whether nothing at all is left.
    pub(super) fn is_empty(&self) -> bool {
        self.networks.is_empty()
            && self.services.is_empty()
            && self.databases.is_empty()
            && self.images.is_empty()
            && self.runs.is_empty()
    }

    /// Whether a service runs that is not one of `but`.
    pub(super) fn runs_service(&self, of: impl Fn(&Key, &Service) -> bool) -> bool {
        self.services
            .iter()
            .any(|(key, service)| service.state == ContainerState::Running && of(key, service))
    }

    /// Every object's origin, with a word for it.
    pub(super) fn origins(&self) -> impl Iterator<Item = (String, Origin)> {
        let networks = self.networks.iter().map(|(r, o)| (format!("{r:?}"), *o));
        let services = self
            .services
            .iter()
            .map(|(k, s)| (format!("{k:?}"), s.origin));
        let databases = self
            .databases
            .iter()
            .map(|((g, n), d)| (format!("{g} {n}"), d.origin));
        let images = self
            .images
            .iter()
            .map(|(k, i)| (format!("image of {k:?}"), i.1));
        let runs = self
            .runs
            .iter()
            .map(|(n, r)| (format!("run {n}"), r.origin));
        networks
            .chain(services)
            .chain(databases)
            .chain(images)
            .chain(runs)
    }

    /// What a look shows.
    pub(super) fn show(&self, observed: &mut Observed) {
        observed.networks = self.networks.keys().cloned().collect();
        let view = |(key, service): (&Key, &Service)| {
            let runs = service.state == ContainerState::Running;
            let view = ServiceView {
                state: service.state.clone(),
                address: runs.then_some(service.address),
            };
            (key.clone(), view)
        };
        observed.services = self.services.iter().map(view).collect();
        observed.databases = self
            .databases
            .iter()
            .filter_map(|(key, database)| Some((key.clone(), database.container.clone()?)))
            .collect();
        observed.data = self
            .databases
            .iter()
            .filter(|(_, database)| database.data.is_some())
            .map(|(key, _)| key.clone())
            .collect();
        observed.images = self
            .images
            .iter()
            .map(|((revision, _), (image, _))| (image.clone(), *revision))
            .collect();
        observed.strays.clear();
        for (id, run) in &self.runs {
            observed.strays.insert(Stray {
                preview: preview(),
                kind: StrayKind::Container,
                id: id.to_string(),
                revision: Some(run.revision),
                database: None,
            });
        }
    }
}

/// Whether it runs.
pub(super) fn runs(state: &ContainerState) -> bool {
    *state == ContainerState::Running
}
