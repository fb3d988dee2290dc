//! The dangerous orders: what must never be done before or after what.

use deploy::{
    engine::{Activity, Room},
    names::{DatabaseName, ImageId, RevisionNumber},
};
use orchestrator::lifecycle::{Step, Wanted};

use super::{
    engine::Key,
    process::{Control, Flight},
    world::World,
};

/// The database a step changes.
fn database_of(step: &Step) -> Option<&DatabaseName> {
    match step {
        Step::CreateDatabase { name, .. }
        | Step::StartDatabase { name }
        | Step::RemoveDatabase { name }
        | Step::Migrate { database: name, .. } => Some(name),
        Step::RemoveStray { stray } => stray.database.as_ref(),
        _ => None,
    }
}

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
        (Step::StartService { revision, .. }, Step::RemoveRoom { room }) => {
            *room == Room::Revision(*revision)
        }
        (Step::Route { revision }, Step::RemoveService { revision: r, .. }) => revision == r,
        (Step::EnsureRoom { room, .. }, Step::RemoveRoom { room: other }) => room == other,
        _ => {
            let same = database_of(a).is_some() && database_of(a) == database_of(b);
            same && (touches_data(a) || touches_data(b))
        }
    }
}

fn touches_data(step: &Step) -> bool {
    !matches!(step, Step::StartDatabase { .. })
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
            let old = self
                .engine
                .origins()
                .find(|(_, o)| o.life != life && !o.late);
            if let Some((what, origin)) = old {
                self.broke(|| {
                    format!(
                        "{step:?} begins in life {life} while {what} of {} is there",
                        origin.life
                    )
                });
            }
        }
        let other = control
            .flights
            .values()
            .filter(|flight| !flight.cancelled)
            .find(|flight| clash(step, &flight.step) || clash(&flight.step, step));
        if let Some(other) = other {
            let other = other.step.clone();
            self.broke(|| format!("{step:?} begins beside {other:?}"));
        }
        match step {
            Step::Route { revision } => self.check_route_begin(control, *revision),
            Step::CreateDatabase { name, .. } if self.store.born.contains(name) => {
                self.broke(|| format!("{name} is made anew though it is complete"));
            }
            _ => {}
        }
    }

    /// The route moves to the newest commit only; what serves already may get a new address.
    fn check_route_begin(&mut self, control: &Control, number: RevisionNumber) {
        let head = match &self.store.desired.wanted {
            Wanted::Serve(head) => Some(&head.commit),
            _ => None,
        };
        let facts = self.store.revision(number);
        let newest = facts.is_some_and(|facts| Some(&facts.commit) == head);
        let serves = control.observed.in_doubt.contains(&number)
            || control
                .observed
                .route
                .as_ref()
                .is_some_and(|route| route.revision == number);
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
            let service = self.engine.services.get(&(number, name.clone()));
            let ready = service.is_some_and(|service| {
                service.activity == Activity::Running
                    && service.address == *address
                    && service.ready_at.is_some_and(|at| at <= self.now)
            });
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
    pub(super) fn check_remove_service(&mut self, key: &Key) {
        if !self.engine.services.contains_key(key) {
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

    /// A database is about to be removed for good.
    pub(super) fn check_remove_database(&mut self, name: &DatabaseName, flight: &Flight) {
        let uses = |key: &Key| self.uses(key.0, name);
        let used = self
            .engine
            .runs_service(|key, service| !service.origin.late && uses(key));
        if used && self.engine.outside_at < flight.view_at {
            self.broke(|| format!("database {name} is removed while a service uses it"));
        }
    }

    /// A database's container is about to go, to be made anew or for good.
    pub(super) fn check_database_goes(&mut self, name: &DatabaseName, flight: &Flight) {
        let making = matches!(flight.step, Step::CreateDatabase { .. });
        if making && self.store.born.contains(name) {
            self.broke(|| format!("database {name} is made anew though it is complete"));
        }
        if !making {
            self.check_remove_database(name, flight);
        }
    }

    fn uses(&self, number: RevisionNumber, name: &DatabaseName) -> bool {
        let blueprint = self
            .store
            .revision(number)
            .and_then(|facts| facts.blueprint.as_ref());
        blueprint.is_some_and(|blueprint| blueprint.databases.iter().any(|d| d.name == *name))
    }

    /// An image is about to be removed.
    pub(super) fn check_remove_image(&mut self, image: &ImageId) {
        if self
            .engine
            .runs_service(|_, service| service.image == *image && !service.origin.late)
        {
            self.broke(|| format!("image {image} is removed while a service runs from it"));
        }
    }

    /// A network is about to be removed.
    pub(super) fn check_remove_room(&mut self, room: &Room, view_at: u64) {
        if self.engine.outside_at >= view_at {
            return;
        }
        let inside = match room {
            Room::Revision(number) => self.engine.runs_service(|key, _| key.0 == *number),
            Room::Data => self
                .engine
                .databases
                .values()
                .any(|d| d.container.is_some()),
        };
        if inside {
            self.broke(|| format!("{room:?} is removed with something inside"));
        }
    }

    /// A service is about to be started.
    pub(super) fn check_start(&mut self, key: &Key, flight: &Flight) {
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
            let database = self.engine.databases.get(&wanted.name);
            !database.is_some_and(|database| {
                database.container == Some(Activity::Running)
                    && database.seeded
                    && database.origin.life == self.store.desired.life
                    && (wanted.migrate.is_none() || database.migrated.contains(&key.0))
            })
        });
        if let Some(database) = lacking {
            let name = database.name.clone();
            self.broke(|| format!("{} is started before database {name} is complete", key.0));
        }
    }

    /// A migration is about to run.
    pub(super) fn check_migration(&mut self, number: RevisionNumber, name: &DatabaseName) {
        let mut runs = self.engine.runs.values();
        let other =
            runs.find(|run| run.database == *name && run.ends_at.is_some() && !run.origin.late);
        if let Some(other) = other {
            let other = other.revision;
            self.broke(|| format!("the migration of {number} runs beside that of {other}"));
        }
    }

    /// A life is about to end.
    pub(super) fn check_confirm_gone(&mut self, control: &Control) {
        let left = self.engine.origins().find(|(_, origin)| !origin.late);
        if let Some((what, _)) = left {
            return self.broke(|| format!("the life ends while {what} is there"));
        }
        let working = control.in_flight.iter().find(|step| {
            step.touches_engine() && !matches!(step, Step::LookAgain { .. } | Step::Probe { .. })
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
