//! The data of a revision: assigns its generation, then creates, copies, starts and migrates its
//! databases, one change at a time.

use std::collections::BTreeSet;

use deploy::{
    blueprint::{Blueprint, Database, SeedSource},
    engine::{Network, Stray, StrayKind},
    names::{DatabaseName, Generation},
};

use super::{
    data_plan::{DataPlan, data_plan},
    data_source::DataSource,
    database_status::DatabaseStatus,
    observed::RevisionFacts,
    planner::Planner,
    step::Step,
};

impl Planner<'_> {
    /// The generation of a revision, once it is assigned; plans the assignment when it is due.
    ///
    /// Serving data is copied as late as possible, so that the copy misses as few of the visitors'
    /// writes as possible. Databases that start from seeds are created immediately.
    pub(super) fn generation(
        &mut self,
        revision: &RevisionFacts,
        blueprint: &Blueprint,
        images: bool,
    ) -> Option<Generation> {
        if let Some(generation) = revision.generation {
            return Some(generation);
        }
        // While the route changes, the serving revision is unknown. While another revision is being
        // assigned, the next generation is unknown.
        let gets = |step: &Step| matches!(step, Step::AssignData { revision: other, .. } if *other != revision.number);
        let unsettled = self.under_way(|step| step.changes_route() || gets(step))
            || !self.observed.in_doubt.is_empty();
        if unsettled || revision.outcome.is_some() {
            return None;
        }
        let (from, reseed, same) = match data_plan(self.desired, self.observed, revision, blueprint)
        {
            DataPlan::Same { generation, added } if self.is_clean(generation, &added) => {
                (DataSource::Generation(generation), added, true)
            }
            DataPlan::Same { .. } => return None,
            DataPlan::New { from, reseed } => (from, reseed, false),
        };
        // Another preview may be removed before the builds are done.
        if images || !matches!(from, DataSource::Generation(_)) {
            let generation = match (&from, same) {
                (DataSource::Generation(generation), true) => *generation,
                _ => Generation(self.observed.last_generation + 1),
            };
            self.want(Step::AssignData {
                revision: revision.number,
                generation,
                from,
                reseed,
            });
        }
        None
    }

    /// Whether revisions that never served left no databases of these names in the generation: a
    /// new database must start from its own seed.
    fn is_clean(&self, generation: Generation, added: &BTreeSet<DatabaseName>) -> bool {
        added.iter().all(|name| {
            self.observed.database(generation, name) == DatabaseStatus::Absent
                && !self.under_way(|step| step.changes_database(generation, name))
        })
    }

    /// Whether every database of a revision is complete and runs; plans the missing steps.
    pub(super) fn databases(
        &mut self,
        revision: &RevisionFacts,
        blueprint: &Blueprint,
        generation: Generation,
        images: bool,
    ) -> bool {
        let mut all = self.data(revision, blueprint, generation, images);
        if !self.has_network(&Network::Data(generation)) {
            return false;
        }
        for Database { name, .. } in &blueprint.databases {
            all &= self.server(revision, generation, name);
        }
        all
    }

    /// Whether the data of every database of a revision is complete; plans the missing steps.
    pub(super) fn data(
        &mut self,
        revision: &RevisionFacts,
        blueprint: &Blueprint,
        generation: Generation,
        images: bool,
    ) -> bool {
        let names = blueprint.databases.iter().map(|database| &database.name);
        let incomplete: BTreeSet<_> = names
            .filter(|name| !self.observed.is_complete(generation, name))
            .cloned()
            .collect();
        let all = incomplete.is_empty();
        let (copied, made) = self.divide(generation, incomplete);
        if !copied.is_empty() {
            self.copy(revision, generation, copied);
        }
        let runs = |name: &DatabaseName| {
            let mut databases = blueprint.databases.iter();
            databases.any(|d| d.name == *name && matches!(d.seed, Some(SeedSource::Run { .. })))
        };
        for name in made {
            // A seed command needs its image, and the network to reach the server.
            let may_run = images && self.has_network(&Network::Data(generation));
            if runs(&name) && !may_run {
                continue;
            }
            let step = Step::CreateDatabase {
                generation,
                name: name.clone(),
                revision: revision.number,
            };
            let other = |other: &Step| other.changes_database(generation, &name) && *other != step;
            // Waits while another step changes the database.
            if !self.under_way(other) {
                self.attempt(revision, step);
            }
        }
        all
    }

    /// Plans a copy of the generation's source.
    fn copy(
        &mut self,
        revision: &RevisionFacts,
        generation: Generation,
        names: BTreeSet<DatabaseName>,
    ) {
        let facts = self.observed.generations.get(&generation);
        let Some(from) = facts.map(|facts| facts.from.clone()) else {
            return;
        };
        let step = Step::ForkData {
            generation,
            from: from.clone(),
            names: names.clone(),
            revision: revision.number,
        };
        let busy = |other: &Step| {
            let target = names.iter().any(|n| other.changes_database(generation, n));
            // A source must not be created, started, stopped, removed or migrated meanwhile.
            let source = matches!(from, DataSource::Generation(source)
                if names.iter().any(|n| other.changes_database(source, n))
                    || self.migrates_on(other, source));
            (target || source) && *other != step
        };
        if !self.under_way(busy) {
            self.attempt(revision, step);
        }
    }

    /// Whether a step is a migration on this generation.
    fn migrates_on(&self, step: &Step, generation: Generation) -> bool {
        let Step::Migrate { revision, .. } = step else {
            return false;
        };
        let facts = self.observed.revision(*revision);
        facts.is_some_and(|facts| facts.generation == Some(generation))
    }

    /// Divides databases into those that are copied and those that are created from their seeds.
    fn divide(
        &self,
        generation: Generation,
        incomplete: BTreeSet<DatabaseName>,
    ) -> (BTreeSet<DatabaseName>, BTreeSet<DatabaseName>) {
        let Some(facts) = self.observed.generations.get(&generation) else {
            return (BTreeSet::new(), incomplete);
        };
        incomplete.into_iter().partition(|name| {
            !facts.reseed.contains(name)
                && match &facts.from {
                    DataSource::Seeds => false,
                    DataSource::Generation(source) => self.observed.is_complete(*source, name),
                    DataSource::Preview(_) => true,
                }
        })
    }

    /// Whether a complete database runs; plans its start if it does not.
    fn server(
        &mut self,
        revision: &RevisionFacts,
        generation: Generation,
        name: &DatabaseName,
    ) -> bool {
        let status = self.observed.database(generation, name);
        if !status.is_complete() {
            return false;
        }
        let step = Step::StartDatabase {
            generation,
            name: name.clone(),
            revision: revision.number,
        };
        // A server that is being restarted or stopped does not count.
        let changes = |step: &Step| step.changes_database(generation, name);
        if status == DatabaseStatus::Answering && !self.under_way(changes) {
            return true;
        }
        // Two revisions on the same databases plan the same server. Data must not change while it
        // is copied.
        let other = |other: &Step| {
            let hinders = other.changes_database(generation, name) || other.copies_from(generation);
            hinders && *other != step
        };
        if !self.under_way(other) && !self.plan.run.iter().any(other) {
            self.attempt(revision, step);
        }
        false
    }

    /// Keeps the databases of the serving revision running while a newer revision starts.
    pub(super) fn start_databases(&mut self, revision: &RevisionFacts, blueprint: &Blueprint) {
        let Some(generation) = revision.generation else {
            return;
        };
        if !self.has_network(&Network::Data(generation)) {
            return;
        }
        for Database { name, .. } in &blueprint.databases {
            self.server(revision, generation, name);
        }
    }

    /// Plans one migration at a time, and none while an interrupted run may still be active.
    pub(super) fn migrations(&mut self, revision: &RevisionFacts, blueprint: &Blueprint) -> bool {
        let due = blueprint.databases.iter().find(|database| {
            database.migrate.is_some() && !revision.migrated.contains(&database.name)
        });
        let (Some(database), Some(generation)) = (due, revision.generation) else {
            return true;
        };
        let step = Step::Migrate {
            revision: revision.number,
            database: database.name.clone(),
        };
        let cut_off = |stray: &&Stray| stray.kind == StrayKind::Container;
        let other = |other: &Step| {
            let hinders =
                other.changes_database(generation, &database.name) || other.copies_from(generation);
            hinders && *other != step
        };
        let migrates = |other: &Step| matches!(other, Step::Migrate { .. }) && *other != step;
        if self.in_flight.contains(&step) {
            self.attempt(revision, step);
        } else if let Some(stray) = self.observed.strays.iter().find(cut_off) {
            // The interrupted run may still change the data, whichever revision it belongs to.
            let stray = stray.clone();
            self.want(Step::RemoveStray { stray });
        } else if !self.under_way(other)
            && !self.under_way(migrates)
            && !self.plan.run.iter().any(other)
        {
            self.attempt(revision, step);
        }
        false
    }
}
