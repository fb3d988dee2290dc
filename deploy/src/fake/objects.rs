//! The objects of one preview on a simulated host, and what calls and accidents do to them.
//!
//! It is synchronous, and its callers pass the time. [`FakeEngine`](super::FakeEngine) has these
//! objects for each preview of each Dayfly, and makes of them calls that take time, fail and
//! compare specs. The simulation's model has those of its one preview, and lets its control plane
//! die between any two of these methods. So an object, what an observation shows of it, and who
//! needs it, are defined once.
//!
//! Not here: which orders are violations. The two differ in what they know about the caller.

use std::{collections::BTreeMap, iter, net::SocketAddr};

use super::{
    AppScript, describe,
    service::Service,
    stored::{Data, Server},
};
use crate::{
    databases::DatabaseSpec,
    engine::{
        ContainerState, DatabaseState, ImageState, Network, Observation, ServiceKey, ServiceSpec,
        Stray, StrayKind,
    },
    names::{
        DatabaseKey, DatabaseName, Generation, ImageId, PreviewId, RevisionNumber, ServiceName,
    },
};

/// Which service of which revision.
pub type ServiceAt = (RevisionNumber, ServiceName);

/// Which database of which generation.
pub type DatabaseAt = (Generation, DatabaseName);

/// All objects of one preview. The owner of the host can leave a mark on each.
#[derive(Debug, Default)]
pub struct Objects<M = ()> {
    /// Networks.
    pub networks: BTreeMap<Network, M>,
    /// Service containers.
    pub services: BTreeMap<ServiceAt, Service<M>>,
    /// Database containers.
    pub servers: BTreeMap<DatabaseAt, Server<M>>,
    /// The data of databases, with or without a server on it.
    pub data: BTreeMap<DatabaseAt, Data<M>>,
    /// Images, by the service that each was built for or shared with. That is a name of an image:
    /// it can have several, and is gone with its last one.
    pub images: BTreeMap<ServiceAt, (ImageId, M)>,
    /// Containers of commands, each by a number of its own.
    pub runs: BTreeMap<u64, Run<M>>,
}

/// The container of a command.
#[derive(Clone, Debug)]
pub struct Run<M = ()> {
    /// The name of the container.
    pub name: String,
    /// The spec that it was started with.
    pub spec: ServiceSpec,
    /// The name of the task.
    pub task: String,
    /// Whether its caller still waits for it.
    pub attended: bool,
    /// The mark of its owner.
    pub mark: M,
}

/// Effects.
impl<M: Clone> Objects<M> {
    /// Creates a network unless it exists.
    pub fn ensure_network(&mut self, network: Network, mark: M) {
        self.networks.entry(network).or_insert(mark);
    }

    /// Creates a service's container unless it exists.
    pub fn create_service(
        &mut self,
        spec: ServiceSpec,
        script: AppScript,
        address: SocketAddr,
        mark: M,
    ) {
        let at = service_at(&spec.key);
        let there = self.services.entry(at);
        there.or_insert_with(|| Service::new(spec, script, address, mark));
    }

    /// Creates a database's container unless it exists. It belongs to the owner of its data.
    pub fn create_server(&mut self, spec: DatabaseSpec, mark: M) {
        let at = database_at(&spec.key);
        let mark = self.data.get(&at).map_or(mark, |data| data.mark.clone());
        self.servers.entry(at).or_insert(Server {
            spec,
            state: ContainerState::Created,
            mark,
        });
    }

    /// Starts a database's container; `false` if there is none.
    pub fn start_server(&mut self, at: &DatabaseAt) -> bool {
        let server = self.servers.get_mut(at);
        server
            .map(|server| server.state = ContainerState::Running)
            .is_some()
    }

    /// Writes to a database; `false` if no server accepts it.
    pub fn write(&mut self, at: &DatabaseAt, statement: String) -> bool {
        let accepts = self.accepts(at);
        if let Some(data) = self.data.get_mut(at).filter(|_| accepts) {
            data.statements.push(statement);
        }
        accepts
    }

    /// Copies of databases at this moment, all or none.
    ///
    /// # Errors
    /// The first database without complete data.
    pub fn copies<'a>(
        &self,
        generation: Generation,
        names: impl IntoIterator<Item = &'a DatabaseName>,
    ) -> Result<BTreeMap<DatabaseName, Data<M>>, DatabaseName> {
        let copy = |name: &DatabaseName| {
            let data = self.data.get(&(generation, name.clone()));
            match data.filter(|data| data.complete) {
                Some(data) => Ok((name.clone(), data.clone())),
                None => Err(name.clone()),
            }
        };
        names.into_iter().map(copy).collect()
    }

    /// Removes all names of an image; `false` if it has none here.
    pub fn remove_image(&mut self, id: &ImageId) -> bool {
        let there = self.has_image(id);
        self.images.retain(|_, (image, _)| image != id);
        there
    }

    /// Starts a command. A leftover of the same name is removed first.
    pub fn start_run(&mut self, number: u64, run: Run<M>) {
        self.runs
            .retain(|_, other| other.attended || other.name != run.name);
        self.runs.insert(number, run);
    }

    /// Removes the container of a command by its name.
    pub fn remove_stray(&mut self, name: &str) -> Option<Run<M>> {
        let (number, _) = self.runs.iter().find(|(_, run)| run.name == name)?;
        let number = *number;
        self.runs.remove(&number)
    }
}

/// What the objects need and show.
impl<M> Objects<M> {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
            && self.services.is_empty()
            && self.servers.is_empty()
            && self.data.is_empty()
            && self.images.is_empty()
            && self.runs.is_empty()
    }

    /// A network that a service's container needs and that is missing.
    pub fn missing_network(&self, spec: &ServiceSpec) -> Option<Network> {
        let data = spec.data.map(Network::Data);
        let mut needed = iter::once(Network::Revision(spec.key.revision)).chain(data);
        needed.find(|network| !self.networks.contains_key(network))
    }

    /// Whether an image has a name here.
    pub fn has_image(&self, id: &ImageId) -> bool {
        self.images.values().any(|(image, _)| image == id)
    }

    /// Whether a server runs on a database.
    pub fn is_served(&self, at: &DatabaseAt) -> bool {
        self.servers.get(at).is_some_and(Server::is_running)
    }

    /// Whether a database takes statements.
    pub(super) fn accepts(&self, at: &DatabaseAt) -> bool {
        self.is_served(at) && self.data.contains_key(at)
    }

    /// Services that run.
    pub fn running(&self) -> impl Iterator<Item = (&ServiceAt, &Service<M>)> {
        let services = self.services.iter();
        services.filter(|(_, service)| service.is_running())
    }

    /// The specs of services and commands that run.
    pub(super) fn users(&self) -> impl Iterator<Item = &ServiceSpec> {
        let services = self.running().map(|(_, service)| &service.spec);
        let runs = self.runs.values().filter(|run| run.attended);
        services.chain(runs.map(|run| &run.spec))
    }

    /// What a network connects: services that run, and servers in any state, because none of them
    /// can start again without it.
    pub fn inside(&self, network: &Network) -> Vec<String> {
        let services = self.running().filter(|(at, service)| match network {
            Network::Revision(number) => at.0 == *number,
            Network::Data(generation) => service.spec.data == Some(*generation),
        });
        let servers = self
            .servers
            .iter()
            .filter(|(at, _)| *network == Network::Data(at.0));
        let services = services.map(|(_, service)| describe::service(&service.spec.key));
        let servers = servers.map(|(_, server)| describe::database(&server.spec.key));
        services.chain(servers).collect()
    }

    /// The objects with such a mark, in words.
    pub fn marked(&self, of: impl Fn(&M) -> bool) -> Vec<String> {
        let networks = self.networks.iter().filter(|(_, mark)| of(mark));
        let networks = networks.map(|(network, _)| format!("{network:?}"));
        let services = self.services.values().filter(|it| of(&it.mark));
        let services = services.map(|it| describe::service(&it.spec.key));
        let servers = self.servers.values().filter(|it| of(&it.mark));
        let servers = servers.map(|it| describe::database(&it.spec.key));
        let data = self.data.iter().filter(|(_, it)| of(&it.mark));
        let data = data.map(|((generation, name), _)| format!("data {generation}/{name}"));
        let images = self.images.values().filter(|(_, mark)| of(mark));
        let images = images.map(|(image, _)| format!("image {image}"));
        let runs = self.runs.values().filter(|it| of(&it.mark));
        let runs = runs.map(|it| format!("command {}", it.name));
        let containers = services.chain(servers).chain(runs);
        networks
            .chain(containers)
            .chain(data)
            .chain(images)
            .collect()
    }

    /// Adds what an observation shows. Data that is not complete is not shown.
    pub fn observe(&self, preview: &PreviewId, seen: &mut Observation) {
        let networks = self.networks.keys();
        seen.networks
            .extend(networks.map(|network| (preview.clone(), network.clone())));
        seen.services
            .extend(self.services.values().map(Service::state));
        let servers = self.servers.values().map(|server| DatabaseState {
            key: server.spec.key.clone(),
            state: server.state.clone(),
        });
        seen.databases.extend(servers);
        let data = self.data.iter().filter(|(_, data)| data.complete);
        let data = data.map(|((generation, name), _)| DatabaseKey {
            preview: preview.clone(),
            generation: *generation,
            name: name.clone(),
        });
        seen.data.extend(data);
        let images = self.images.iter();
        let images = images.map(|((revision, service), (image, _))| ImageState {
            image: image.clone(),
            preview: preview.clone(),
            revision: *revision,
            service: service.clone(),
        });
        seen.images.extend(images);
        let strays = self.runs.values().map(|run| Stray {
            preview: preview.clone(),
            kind: StrayKind::Container,
            id: run.name.clone(),
            revision: Some(run.spec.key.revision),
            database: None,
        });
        seen.strays.extend(strays);
    }
}

/// The place of a service among the objects of its preview.
pub(super) fn service_at(key: &ServiceKey) -> ServiceAt {
    (key.revision, key.service.clone())
}

/// The place of a database among the objects of its preview.
pub(super) fn database_at(key: &DatabaseKey) -> DatabaseAt {
    (key.generation, key.name.clone())
}
