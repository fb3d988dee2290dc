//! Databases of a revision: made, started, migrated, one change at a time.

use deploy::{
    blueprint::{Blueprint, Database},
    engine::{Activity, Room, Stray, StrayKind},
};

use super::{
    observed::{Attempt, RevisionFacts},
    planner::Planner,
    step::Step,
};

impl Planner<'_> {
    /// Whether every database of a revision is there and runs; names what is lacking.
    pub(super) fn databases(&mut self, revision: &RevisionFacts, blueprint: &Blueprint) -> bool {
        if !blueprint.databases.is_empty() && !self.has_room(&Room::Data) {
            return false;
        }
        let mut all = true;
        for Database { name, .. } in &blueprint.databases {
            let running = self.observed.databases.get(name) == Some(&Activity::Running);
            let step = if !self.observed.born.contains(name) {
                Step::CreateDatabase {
                    name: name.clone(),
                    revision: revision.number,
                }
            } else if !running {
                Step::StartDatabase { name: name.clone() }
            } else {
                continue;
            };
            all = false;
            // What another step does to the database is waited for.
            if self.under_way(|other| other.changes_database(name) && *other != step) {
                continue;
            }
            match step {
                Step::CreateDatabase { .. } => {
                    self.attempt(revision, &Attempt::Database(name.clone()), step);
                }
                start => self.want(start),
            }
        }
        all
    }

    /// What serves keeps its databases while a newer revision comes up, whatever that one needs.
    pub(super) fn start_databases(&mut self, blueprint: &Blueprint) {
        for Database { name, .. } in &blueprint.databases {
            let step = Step::StartDatabase { name: name.clone() };
            if self.observed.born.contains(name)
                && self.observed.databases.get(name) != Some(&Activity::Running)
                && !self.under_way(|other| other.changes_database(name) && *other != step)
            {
                self.want(step);
            }
        }
    }

    /// One migration at a time, and none beside a run that a crash left behind.
    pub(super) fn migrations(&mut self, revision: &RevisionFacts, blueprint: &Blueprint) -> bool {
        let due = blueprint.databases.iter().find(|database| {
            database.migrate.is_some() && !revision.migrated.contains(&database.name)
        });
        let Some(database) = due else { return true };
        let step = Step::Migrate {
            revision: revision.number,
            database: database.name.clone(),
        };
        let cut_off = |stray: &&Stray| stray.kind == StrayKind::Container;
        let other = |other: &Step| other.changes_database(&database.name) && *other != step;
        if self.in_flight.contains(&step) {
            self.attempt(revision, &Attempt::Migrate(database.name.clone()), step);
        } else if let Some(stray) = self.observed.strays.iter().find(cut_off) {
            // Whichever revision it was for, it may still be changing the data.
            let stray = stray.clone();
            self.want(Step::RemoveStray { stray });
        } else if !self.under_way(other) {
            self.attempt(revision, &Attempt::Migrate(database.name.clone()), step);
        }
        false
    }
}
