//! Carries out what concerns databases and migrations.

use std::collections::{BTreeMap, BTreeSet};

use deploy::{
    engine::{ContainerState, Network},
    names::{DatabaseName, Generation, RevisionNumber},
};
use orchestrator::lifecycle::Step;

use super::{
    app::Fate,
    apply::Done,
    effect::{Effect, Stop},
    engine::{Data, DataKey, Database, Origin, Run},
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
            Effect::ServerMake(key) => return self.server_make(key, origin, flight),
            Effect::ServerStart(key) => {
                let database = self.engine.databases.get_mut(key);
                match database.and_then(|database| database.container.as_mut()) {
                    Some(state) => *state = ContainerState::Running,
                    None => return Err(Stop::Again("the container is missing")),
                }
            }
            Effect::ServerReady(key) => match self.engine.databases.get_mut(key) {
                Some(database) if database.container == Some(ContainerState::Running) => {
                    database.answers = true;
                }
                _ => return Err(Stop::Again("the server ended")),
            },
            Effect::DataRemove(key) => {
                self.check_data_changes(key);
                if let Some(database) = self.engine.databases.get_mut(key) {
                    database.data = None;
                }
                self.drop_empty_database(key);
            }
            Effect::Seed(key, revision) => return self.seed(key, *revision),
            Effect::DataPut(key) => self.put(key, Data::default(), origin),
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
                    self.put(&(*generation, name), data, origin);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn server_remove(&mut self, key: &DataKey, flight: Option<&mut Flight>) {
        if let Some(flight) = flight {
            self.check_server_goes(key, flight);
        }
        if let Some(database) = self.engine.databases.get_mut(key) {
            database.container = None;
        }
        self.drop_empty_database(key);
    }

    fn server_make(&mut self, key: &DataKey, origin: Origin, flight: Option<&mut Flight>) -> Done {
        let there = self.engine.databases.get(key);
        if flight.is_some() && there.is_none_or(|database| database.data.is_none()) {
            self.store.forget_database(key);
            return Err(Stop::Again("the data are missing"));
        }
        if !self.engine.networks.contains_key(&Network::Data(key.0)) {
            return Err(Stop::Again("the network is missing"));
        }
        let database = self
            .engine
            .databases
            .entry(key.clone())
            .or_insert(Database {
                container: None,
                data: None,
                answers: false,
                origin,
            });
        database.container.get_or_insert(ContainerState::Created);
        Ok(())
    }

    fn put(&mut self, key: &DataKey, data: Data, origin: Origin) {
        self.check_data_changes(key);
        let database = Database {
            container: None,
            data: Some(data),
            answers: false,
            origin,
        };
        self.engine.databases.insert(key.clone(), database);
    }

    /// What is in databases at this moment, all of them or none.
    fn cut(
        &mut self,
        source: Generation,
        names: &BTreeSet<DatabaseName>,
    ) -> Result<BTreeMap<DatabaseName, Data>, Stop> {
        let mut copies = BTreeMap::new();
        for name in names {
            let key = (source, name.clone());
            let database = self.engine.databases.get(&key);
            match database.and_then(|database| database.data.clone()) {
                Some(data) => drop(copies.insert(name.clone(), data)),
                None => {
                    if !self.engine.damaged.contains(&source) {
                        self.broke(|| format!("{source} {name} is copied and is not there"));
                    }
                    self.store.forget_database(&key);
                    return Err(Stop::Again("the data to copy is gone"));
                }
            }
        }
        Ok(copies)
    }

    pub(super) fn drop_empty_database(&mut self, key: &DataKey) {
        let gone = |database: &Database| database.container.is_none() && database.data.is_none();
        if self.engine.databases.get(key).is_some_and(gone) {
            self.engine.databases.remove(key);
        }
    }

    fn seed(&mut self, _: &DataKey, revision: RevisionNumber) -> Done {
        // A seed that fails for what serves could never be mended.
        let facts = self.store.revision(revision);
        let served = facts.is_some_and(|facts| facts.healthy);
        let app = self.app(revision);
        match app.is_some_and(|app| app.fate == Fate::SeedFails) && !served {
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
        let image = self.store.revision(revision).and_then(|facts| {
            let service = words::service("web");
            facts.images.get(&service).cloned()
        });
        let mut there = self.engine.images.values();
        if !there.any(|(id, _)| Some(id) == image.as_ref()) {
            self.store.change(revision, |facts| facts.images.clear());
            return Err(Stop::Again("the image is missing"));
        }
        let id = self.engine.fresh_number();
        let wait = self.rng.wait_ms();
        let ends_at = Some(self.now + wait);
        self.engine.runs.insert(
            id,
            Run {
                revision,
                database: key,
                ends_at,
                origin,
            },
        );
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
        let Some(run) = id.and_then(|id| self.engine.runs.get(&id)) else {
            return Err(Stop::Again("the migration was removed"));
        };
        if let Some(ends_at) = run.ends_at {
            return Err(Stop::Wait(ends_at.saturating_sub(self.now) + 1));
        }
        let applied = self.is_migrated(revision, &run.database);
        // Nor could a migration that fails for what serves, on data that were made anew.
        let served = self
            .store
            .revision(revision)
            .is_some_and(|facts| facts.healthy);
        let app = self.app(revision);
        let fails = !served && app.is_some_and(|app| app.fate == Fate::MigrationFails);
        if fails || !applied {
            if let Some(id) = id {
                self.engine.runs.remove(&id);
            }
            if !applied {
                self.excused.insert(revision);
            }
            return Err(Stop::Verdict("migration"));
        }
        Ok(())
    }

    /// Whether a database has met the migrations of a revision, where that has any.
    pub(super) fn is_migrated(&self, revision: RevisionNumber, key: &DataKey) -> bool {
        let Some(migrations) = self.migrations(revision, &key.1) else {
            return true;
        };
        let database = self.engine.databases.get(key);
        database
            .and_then(|database| database.data.as_ref())
            .is_some_and(|data| data.migrated.contains(&migrations))
    }
}
