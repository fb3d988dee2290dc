//! The dangerous orders: what must never be done before or after what.

use std::collections::BTreeSet;

use deploy::{
    engine::Network,
    fake::{DatabaseAt, Service, ServiceAt},
    names::{ImageId, RevisionNumber},
};
use orchestrator::lifecycle::{DataSource, Step, Wanted};

use super::{
    engine::Origin,
    process::{Control, Flight},
    world::World,
};

/// Whether two steps must not be under way together.
fn clash(a: &Step, b: &Step) -> bool {
    match (a, b) {
        (Step::Route { .. } | Step::Unroute, Step::Route { .. } | Step::Unroute) => true,
        (
            Step::StartService { revision, service },
            Step::RemoveService {
                revision: r,
                service: s,
            },
        ) => (revision, service) == (r, s),
        (Step::StartService { revision, .. }, Step::RemoveNetwork { network }) => {
            *network == Network::Revision(*revision)
        }
        (Step::Route { revision }, Step::RemoveService { revision: r, .. }) => revision == r,
        (Step::EnsureNetwork { network, .. }, Step::RemoveNetwork { network: other }) => {
            network == other
        }
        _ => false,
    }
}

impl World {
    /// Whether this may begin now.
    pub(super) fn check_begin(&mut self, control: &Control, step: &Step) {
        let desired = &self.store.desired;
        let serves = matches!(desired.wanted, Wanted::Serve(_)) && !desired.clearing;
        if (step.creates() || matches!(step, Step::Route { .. })) && !serves {
            self.broke(|| format!("{step:?} begins while nothing should be left"));
        }
        if step.creates() || matches!(step, Step::BeginRevision { .. }) {
            let life = self.store.desired.life;
            let objects = &self.engine.objects;
            let old = objects.marked(|origin| origin.life != life && !origin.late);
            if !old.is_empty() {
                self.broke(|| format!("{step:?} begins in life {life} while {old:?} is there"));
            }
        }
        let other = control
            .flights
            .values()
            .filter(|flight| !flight.cancelled)
            .find(|flight| {
                let other = &flight.step;
                clash(step, other) || clash(other, step) || self.clash_on_data(step, other)
            });
        if let Some(other) = other {
            let other = other.step.clone();
            self.broke(|| format!("{step:?} begins beside {other:?}"));
        }
        match step {
            Step::Route { revision } => self.check_route_begin(control, *revision),
            Step::CreateDatabase { .. } | Step::ForkData { .. } => {
                let complete = self.changed_by(step);
                if let Some((generation, name)) =
                    complete.iter().find(|key| self.store.is_complete(key))
                {
                    self.broke(|| format!("{generation} {name} is made though it is complete"));
                }
            }
            _ => {}
        }
    }

    /// The databases that a step changes.
    fn changed_by(&self, step: &Step) -> BTreeSet<DatabaseAt> {
        match step {
            Step::CreateDatabase {
                generation, name, ..
            }
            | Step::StartDatabase {
                generation, name, ..
            }
            | Step::StopDatabase { generation, name }
            | Step::RemoveDatabase { generation, name } => [(*generation, name.clone())].into(),
            Step::ForkData {
                generation, names, ..
            } => names.iter().map(|n| (*generation, n.clone())).collect(),
            Step::Migrate { revision, database } => {
                let facts = self.store.revision(*revision);
                let generation = facts.and_then(|facts| facts.generation);
                generation
                    .map(|g| (g, database.clone()))
                    .into_iter()
                    .collect()
            }
            _ => BTreeSet::new(),
        }
    }

    /// The databases that a step copies.
    fn copied_by(step: &Step) -> BTreeSet<DatabaseAt> {
        match step {
            Step::ForkData {
                from: DataSource::Generation(source),
                names,
                ..
            } => names.iter().map(|name| (*source, name.clone())).collect(),
            _ => BTreeSet::new(),
        }
    }

    /// Whether two steps change the same database, or one copies what the other changes.
    fn clash_on_data(&self, a: &Step, b: &Step) -> bool {
        let (changed_a, changed_b) = (self.changed_by(a), self.changed_by(b));
        !(changed_a.is_disjoint(&changed_b)
            && Self::copied_by(a).is_disjoint(&changed_b)
            && Self::copied_by(b).is_disjoint(&changed_a))
    }

    /// The route moves to the newest commit only; what serves already, or did when its route was lost,
    /// may get a new address.
    fn check_route_begin(&mut self, control: &Control, number: RevisionNumber) {
        let head = self.store.desired.target();
        let facts = self.store.revision(number);
        let newest = facts.is_some_and(|facts| Some(&facts.commit) == head);
        let mut observed = control.observed.clone();
        observed.revisions.clone_from(&self.store.revisions);
        let routed = observed.route.as_ref().map(|route| route.revision);
        let serving = observed.serving().map(|facts| facts.number);
        let serves =
            observed.in_doubt.contains(&number) || [routed, serving].contains(&Some(number));
        if !newest && !serves {
            self.broke(|| format!("the route is led to {number}, which is not the head"));
        }
        if self.store.desired.confirmed < Some(number) {
            self.broke(|| format!("the route is led to {number} before the head was compared"));
        }
    }

    /// The proxy is about to lead visitors there.
    pub(super) fn check_route(&mut self, number: RevisionNumber, flight: &Flight) {
        let serving = self.proxy.route.as_ref().map(|route| route.revision);
        let facts = self.store.revision(number);
        let newest = facts.map(|facts| &facts.commit) == flight.head.as_ref();
        if serving.is_some_and(|serving| serving > number) && !newest {
            self.broke(|| format!("{number} replaces a newer revision"));
        }
        for (name, address) in &flight.found.addresses {
            let service = self.engine.objects.services.get(&(number, name.clone()));
            let ready = service.is_some_and(|s| s.address == *address && s.listens(self.now));
            if !ready && self.engine.outside_at < flight.view_at {
                let name = name.clone();
                return self.broke(|| format!("the route leads to {number} {name}, not ready"));
            }
        }
    }

    /// Visitors lose the preview only when it ends.
    pub(super) fn check_unroute(&mut self) {
        let desired = &self.store.desired;
        if matches!(desired.wanted, Wanted::Serve(_)) && !desired.clearing {
            self.broke(|| "the route is taken away from a preview that is wanted".to_owned());
        }
    }

    /// A service is about to be removed.
    pub(super) fn check_remove_service(&mut self, key: &ServiceAt) {
        if !self.engine.objects.services.contains_key(key) {
            return;
        }
        let route = self.proxy.route.as_ref().map(|route| route.revision);
        if route == Some(key.0) {
            return self.broke(|| format!("{} {} is removed while it takes traffic", key.0, key.1));
        }
        let desired = &self.store.desired;
        let closing = desired.clearing || matches!(desired.wanted, Wanted::Nothing(_));
        if self.proxy.is_busy(key.0) && !(closing && route.is_none()) {
            self.broke(|| format!("{} is removed with requests on their way", key.0));
        }
    }

    /// A database is about to be removed for good, or its server stopped.
    pub(super) fn check_remove_database(&mut self, key: &DatabaseAt, flight: &Flight) {
        let uses = |(at, service): (&ServiceAt, &Service<Origin>)| {
            !service.mark.late && self.uses(at.0, key)
        };
        let used = self.engine.objects.running().any(uses);
        if used && self.engine.outside_at < flight.view_at {
            self.broke(|| format!("{} {} goes while a service uses it", key.0, key.1));
        }
    }

    /// A database's server is about to go, with its data or without.
    pub(super) fn check_server_goes(&mut self, key: &DatabaseAt, flight: &Flight) {
        if !matches!(flight.step, Step::CreateDatabase { .. }) {
            self.check_remove_database(key, flight);
        }
    }

    /// Data are about to be removed or to appear.
    pub(super) fn check_data_changes(&mut self, key: &DatabaseAt) {
        let server = self.engine.objects.servers.get(key);
        let served = server.is_some_and(|server| server.is_running() && !server.mark.late);
        if served {
            self.broke(|| format!("the data of {} {} change under a server", key.0, key.1));
        }
        if self.store.is_complete(key) {
            self.broke(|| format!("the data of {} {} are complete, and change", key.0, key.1));
        }
    }

    fn uses(&self, number: RevisionNumber, key: &DatabaseAt) -> bool {
        let facts = self.store.revision(number);
        facts.is_some_and(|facts| {
            let databases = facts.blueprint.iter().flat_map(|known| &known.databases);
            let mut names = databases.map(|database| &database.name);
            facts.generation == Some(key.0) && names.any(|name| *name == key.1)
        })
    }

    /// An image is about to be removed.
    pub(super) fn check_remove_image(&mut self, image: &ImageId) {
        let uses = |(_, service): (&ServiceAt, &Service<Origin>)| {
            !service.mark.late && service.spec.image == *image
        };
        if self.engine.objects.running().any(uses) {
            self.broke(|| format!("image {image} is removed while a service runs from it"));
        }
    }

    /// A network is about to be removed.
    pub(super) fn check_remove_network(&mut self, network: &Network, view_at: u64) {
        let inside = self.engine.objects.inside(network);
        if self.engine.outside_at < view_at && !inside.is_empty() {
            self.broke(|| format!("{network:?} is removed with {inside:?} inside"));
        }
    }

    /// A service is about to be started.
    pub(super) fn check_start(&mut self, key: &ServiceAt, flight: &Flight) {
        let Some(facts) = self.store.revision(key.0) else {
            return;
        };
        if facts.healthy || self.engine.outside_at >= flight.view_at {
            return;
        }
        let databases = facts
            .blueprint
            .iter()
            .flat_map(|blueprint| &blueprint.databases);
        let lacking = databases.into_iter().find(|wanted| {
            let on = facts.generation.map(|g| (g, wanted.name.clone()));
            !on.is_some_and(|on| self.is_ready(key.0, &on))
        });
        if let Some(database) = lacking {
            let name = database.name.clone();
            self.broke(|| format!("{} is started before database {name} is complete", key.0));
        }
    }

    /// Whether a database of the present life runs, and has met a revision's migrations.
    pub(super) fn is_ready(&self, number: RevisionNumber, key: &DatabaseAt) -> bool {
        let data = self.engine.objects.data.get(key);
        data.is_some_and(|data| data.mark.life == self.store.desired.life)
            && self.engine.objects.is_served(key)
            && self.engine.answering.contains(key)
            && self.is_migrated(number, key)
    }

    /// A migration is about to run.
    pub(super) fn check_migration(&mut self, number: RevisionNumber, key: &DatabaseAt) {
        let runs = self.engine.objects.runs.keys();
        let mut runs = runs.filter_map(|id| self.engine.run(*id));
        let other = runs.find(|(run, migration)| {
            migration.database == *key && migration.ends_at.is_some() && !run.mark.late
        });
        if let Some((other, _)) = other {
            let other = other.spec.key.revision;
            self.broke(|| format!("the migration of {number} runs beside that of {other}"));
        }
        // What serves is never migrated under its visitors, unless its data were lost.
        let serving = self.proxy.route.as_ref().map(|route| route.revision);
        let others = serving.filter(|serving| *serving != number);
        let shared = others.is_some_and(|serving| self.uses(serving, key));
        if shared && !self.engine.damaged.contains(&key.0) {
            self.broke(|| format!("{number} migrates {} under its visitors", key.0));
        }
    }

    /// A life is about to end.
    pub(super) fn check_confirm_gone(&mut self, control: &Control) {
        let left = self.engine.objects.marked(|origin| !origin.late);
        if !left.is_empty() {
            return self.broke(|| format!("the life ends while {left:?} is there"));
        }
        let working = control.in_flight.iter().find(|step| {
            step.touches_engine() && !matches!(step, Step::ConfirmEmpty { .. } | Step::Probe { .. })
        });
        if let Some(step) = working {
            let step = step.clone();
            self.broke(|| format!("the life ends while {step:?} is under way"));
        }
        if self.proxy.route.is_some() || self.forge.deployments > 0 {
            self.broke(|| "the life ends with a route or records".to_owned());
        }
    }
}
