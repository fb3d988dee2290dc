//! Carries out what concerns databases and migrations.

use deploy::{
    engine::{Activity, Room},
    names::{DatabaseName, RevisionNumber},
};

use super::{
    app::Fate,
    apply::Done,
    effect::{Effect, Stop},
    engine::{Database, Origin, Run},
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
        let databases = &mut self.engine.databases;
        match effect {
            Effect::DbRemove(name) => {
                if let Some(flight) = flight {
                    self.check_database_goes(name, flight);
                }
                if let Some(database) = self.engine.databases.get_mut(name) {
                    database.container = None;
                }
                self.drop_empty_database(name);
            }
            Effect::DbRemoveVolume(name) => {
                if let Some(database) = databases.get_mut(name) {
                    // A directory that a container uses cannot be removed.
                    database.volume = database.container.is_some();
                }
                self.drop_empty_database(name);
            }
            Effect::DbMake(name) => {
                let there = databases.get(name);
                if there.is_some_and(|database| database.container.is_some()) {
                    return Err(Stop::Again("a container of that name is there"));
                }
                if !self.engine.rooms.contains_key(&Room::Data) {
                    return Err(Stop::Again("the room is missing"));
                }
                databases.insert(
                    name.clone(),
                    Database {
                        container: Some(Activity::Created),
                        volume: true,
                        seeded: false,
                        migrated: std::collections::BTreeSet::new(),
                        origin,
                    },
                );
            }
            Effect::DbStart(name) => match databases.get_mut(name) {
                Some(database) if database.container.is_some() => {
                    database.container = Some(Activity::Running);
                }
                _ => {
                    if flight.is_some_and(|f| {
                        matches!(f.step, orchestrator::lifecycle::Step::StartDatabase { .. })
                    }) {
                        self.store.forget_database(name);
                    }
                    return Err(Stop::Again("the database is missing"));
                }
            },
            Effect::DbSeed(name, revision) => return self.seed(name, *revision),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn drop_empty_database(&mut self, name: &DatabaseName) {
        let gone = |database: &Database| database.container.is_none() && !database.volume;
        if self.engine.databases.get(name).is_some_and(gone) {
            self.engine.databases.remove(name);
        }
    }

    fn seed(&mut self, name: &DatabaseName, revision: RevisionNumber) -> Done {
        // A seed that fails for what serves could never be mended.
        let served = self
            .store
            .revision(revision)
            .is_some_and(|facts| facts.healthy);
        let fails = !served
            && self
                .app(revision)
                .is_some_and(|app| app.fate == Fate::SeedFails);
        match self.engine.databases.get_mut(name) {
            Some(database) if database.container == Some(Activity::Running) => {
                if fails {
                    self.engine.databases.remove(name);
                    return Err(Stop::Verdict("seed"));
                }
                database.seeded = true;
                Ok(())
            }
            _ => Err(Stop::Again("the database ended")),
        }
    }

    pub(super) fn run_start(
        &mut self,
        revision: RevisionNumber,
        database: DatabaseName,
        origin: Origin,
        flight: Option<&mut Flight>,
    ) -> Done {
        if flight.is_some() {
            self.check_migration(revision, &database);
        }
        let image = self.store.revision(revision).and_then(|facts| {
            let service = words::service("web");
            facts.images.get(&service).cloned()
        });
        let mut there = self.engine.images.values();
        if !there.any(|(id, _)| Some(id) == image.as_ref()) {
            self.forget_image(revision);
            return Err(Stop::Again("the image is missing"));
        }
        let id = self.engine.fresh();
        let wait = self.rng.wait_ms();
        let ends_at = Some(self.now + wait);
        self.engine.runs.insert(
            id,
            Run {
                revision,
                database,
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
        let id = flight.and_then(|flight| flight.found.run);
        let Some(run) = id.and_then(|id| self.engine.runs.get(&id)) else {
            return Err(Stop::Again("the migration was removed"));
        };
        if let Some(ends_at) = run.ends_at {
            return Err(Stop::Wait(ends_at.saturating_sub(self.now) + 1));
        }
        let applied = self
            .engine
            .databases
            .get(&run.database)
            .is_some_and(|database| database.migrated.contains(&revision));
        if self
            .app(revision)
            .is_some_and(|app| app.fate == Fate::MigrationFails)
            || !applied
        {
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

    fn forget_image(&mut self, number: RevisionNumber) {
        self.store.change(number, |facts| facts.images.clear());
    }
}
