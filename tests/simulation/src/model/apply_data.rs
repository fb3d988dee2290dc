//! Carries out what concerns databases and migrations.

use std::collections::{BTreeMap, BTreeSet};

use deploy::{
    engine::Network,
    fake::{Data, DatabaseAt, Run},
    names::{DatabaseName, Generation, RevisionNumber},
};
use orchestrator::lifecycle::Step;

use super::{
    app::Fate,
    apply::Done,
    effect::{Effect, Stop},
    engine::{Migration, Origin},
    process::Flight,
    words,
    world::{Event, World},
};

impl World {
    pub(super) fn data(
        &mut self,
        effect: &Effect,
        origin: Origin,
        flight: Option<&mut Flight>,
    ) -> Done {
        match effect {
            Effect::ServerRemove(key) => self.server_remove(key, flight),
            Effect::ServerMake(key) => return self.server_make(key, origin, flight.is_some()),
            Effect::ServerStart(key) => {
                let started = self.engine.objects.start_server(key).then_some(());
                return started.ok_or(Stop::Again("the container is missing"));
            }
            Effect::ServerReady(key) => {
                if !self.engine.objects.is_served(key) {
                    return Err(Stop::Again("the server ended"));
                }
                self.engine.answering.insert(key.clone());
            }
            Effect::DataRemove(key) => {
                self.check_data_changes(key);
                self.engine.objects.data.remove(key);
            }
            Effect::Seed(key, revision) => return self.seed(key, *revision),
            Effect::DataPut(key) => {
                let data = Data::empty(&words::database_spec(key), origin);
                self.put(key, data);
            }
            Effect::Cut(source, names) => {
                let copies = self.cut(*source, names)?;
                self.tally.copies += 1;
                if let Some(flight) = flight {
                    flight.found.copies = copies;
                }
            }
            Effect::CopiesPut(generation) => {
                let copies = flight.map(|flight| std::mem::take(&mut flight.found.copies));
                for (name, data) in copies.into_iter().flatten() {
                    let mark = origin;
                    self.put(&(*generation, name), Data { mark, ..data });
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn server_remove(&mut self, key: &DatabaseAt, flight: Option<&mut Flight>) {
        if let Some(flight) = flight {
            self.check_server_goes(key, flight);
        }
        self.engine.objects.servers.remove(key);
    }

    fn server_make(&mut self, key: &DatabaseAt, origin: Origin, attended: bool) -> Done {
        let objects = &mut self.engine.objects;
        if attended && !objects.data.contains_key(key) {
            self.store.forget_database(key);
            return Err(Stop::Again("the data are missing"));
        }
        if !objects.networks.contains_key(&Network::Data(key.0)) {
            return Err(Stop::Again("the network is missing"));
        }
        objects.create_server(words::database_spec(key), origin);
        Ok(())
    }

    fn put(&mut self, key: &DatabaseAt, data: Data<Origin>) {
        self.check_data_changes(key);
        self.engine.answering.remove(key);
        self.engine.objects.servers.remove(key);
        self.engine.objects.data.insert(key.clone(), data);
    }

    /// What is in databases at this moment, all of them or none.
    fn cut(
        &mut self,
        source: Generation,
        names: &BTreeSet<DatabaseName>,
    ) -> Result<BTreeMap<DatabaseName, Data<Origin>>, Stop> {
        self.engine.objects.copies(source, names).map_err(|name| {
            if !self.engine.damaged.contains(&source) {
                self.broke(|| format!("{source} {name} is copied and is not there"));
            }
            self.store.forget_database(&(source, name));
            Stop::Again("the data to copy is gone")
        })
    }

    fn seed(&mut self, _: &DatabaseAt, revision: RevisionNumber) -> Done {
        // A seed that fails for what serves could never be mended.
        let facts = self.store.revision(revision);
        let served = facts.is_some_and(|facts| facts.healthy);
        match self.fate(revision) == Fate::SeedFails && !served {
            true => Err(Stop::Verdict("seed")),
            false => Ok(()),
        }
    }

    pub(super) fn run_start(
        &mut self,
        revision: RevisionNumber,
        database: DatabaseName,
        origin: Origin,
        flight: Option<&mut Flight>,
    ) -> Done {
        let facts = self.store.revision(revision);
        let Some(generation) = facts.and_then(|facts| facts.generation) else {
            return Err(Stop::Again("it runs on nothing"));
        };
        let key = (generation, database);
        if flight.is_some() {
            self.check_migration(revision, &key);
        }
        let service = (revision, words::service("web"));
        let facts = self.store.revision(revision);
        let image = facts.and_then(|facts| facts.images.get(&service.1).cloned());
        let Some(image) = image.filter(|image| self.engine.objects.has_image(image)) else {
            self.store.change(revision, |facts| facts.images.clear());
            return Err(Stop::Again("the image is missing"));
        };
        let id = self.engine.fresh_number();
        let wait = self.rng.wait_ms();
        let run = Run {
            name: id.to_string(),
            spec: words::service_spec(&service, image, Some(generation)),
            task: format!("migrate {}", key.1),
            attended: true,
            mark: origin,
        };
        self.engine.objects.start_run(id, run);
        let migration = Migration {
            database: key,
            ends_at: Some(self.now + wait),
        };
        self.engine.migrations.insert(id, migration);
        self.after(wait, Event::RunEnds(id));
        if let Some(flight) = flight {
            flight.found.run = Some(id);
        }
        Ok(())
    }

    pub(super) fn run_wait(
        &mut self,
        revision: RevisionNumber,
        flight: Option<&mut Flight>,
    ) -> Done {
        let id = flight.and_then(|flight| match &flight.step {
            Step::Migrate { .. } => flight.found.run,
            _ => None,
        });
        let Some((_, migration)) = id.and_then(|id| self.engine.run(id)) else {
            return Err(Stop::Again("the migration was removed"));
        };
        if let Some(ends_at) = migration.ends_at {
            return Err(Stop::Wait(ends_at.saturating_sub(self.now) + 1));
        }
        let applied = self.is_migrated(revision, &migration.database);
        // Nor could a migration that fails for what serves, on data that were made anew.
        let served = self
            .store
            .revision(revision)
            .is_some_and(|facts| facts.healthy);
        let fails = !served && self.fate(revision) == Fate::MigrationFails;
        if fails || !applied {
            if let Some(id) = id {
                self.engine.objects.runs.remove(&id);
            }
            if !applied {
                self.excused.insert(revision);
            }
            return Err(Stop::Verdict("migration"));
        }
        Ok(())
    }

    /// Whether a database has met the migrations of a revision, where that has any.
    pub(super) fn is_migrated(&self, revision: RevisionNumber, key: &DatabaseAt) -> bool {
        let Some(migrations) = self.migrations(revision, &key.1) else {
            return true;
        };
        let data = self.engine.objects.data.get(key);
        data.is_some_and(|data| data.statements.contains(&migrations))
    }
}
