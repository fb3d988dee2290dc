//! How a life must end once nothing goes wrong any more.

use std::collections::{BTreeMap, BTreeSet};

use deploy::{blueprint::Blueprint, engine::Network, names::RevisionNumber};
use orchestrator::lifecycle::{
    Observed, Outcome, Phase, RevisionFacts, Wanted, current_revision, summary,
};

use super::{app::Fate, forge::State, words, world::World};

impl World {
    /// Whether everything is as the pull request asks for. Nothing is under way.
    pub(super) fn check_end(&mut self) {
        if let Err(what) = self.end() {
            self.broke(|| format!("at the end {what}"));
        }
    }

    fn end(&self) -> Result<(), String> {
        let held = self.store.desired.hold.is_some();
        let observed = self.observed().ok_or("the control plane is dead")?;
        let told = summary(&self.store.desired, &observed);
        if self.forge.comment.as_ref() != Some(&words::report_key(&told)) {
            return Err(format!(
                "the comment says {:?} and not {:?}",
                self.forge.comment,
                words::report_key(&told)
            ));
        }
        if observed.route != self.proxy.route {
            return Err("the book and the proxy differ".to_owned());
        }
        if self.forge.state == State::Open && !held {
            self.end_open(&observed, told.phase)
        } else {
            self.end_gone(told.phase)
        }
    }

    fn end_gone(&self, phase: Phase) -> Result<(), String> {
        let store = &self.store;
        let left = self.engine.objects.marked(|_| true);
        if !left.is_empty() {
            return Err(format!("{left:?} is left of what is closed"));
        }
        if self.proxy.route.is_some() || self.forge.deployments > 0 || store.records {
            return Err("a route or records are left of what is closed".to_owned());
        }
        if !store.generations.is_empty() || store.desired.clearing || phase != Phase::Gone {
            return Err(format!(
                "what is closed is {phase}, clearing {}",
                store.desired.clearing
            ));
        }
        Ok(())
    }

    fn end_open(&self, observed: &Observed, phase: Phase) -> Result<(), String> {
        let desired = &self.store.desired;
        match &desired.wanted {
            Wanted::Serve(head) if head.commit == self.forge.head => {}
            other => return Err(format!("{other:?} is wanted")),
        }
        let current = current_revision(desired, observed).ok_or("the head has no revision")?;
        let app = self.app(current.number).ok_or("the head has no commit")?;
        let serving = self.proxy.route.as_ref().map(|route| route.revision);
        match &current.outcome {
            None if serving == Some(current.number) && phase == Phase::Live => {
                // A seed runs only where the database is made, and a migration where it is due.
                let idle = [Fate::Works, Fate::SeedFails, Fate::MigrationFails];
                if !idle.contains(&app.fate) {
                    return Err(format!("{} serves, which cannot", current.number));
                }
            }
            Some(Outcome::Failed(why)) if phase == Phase::Failed => {
                if app.fate == Fate::Works && !self.excused.contains(&current.number) {
                    return Err(format!("{} failed: {}", current.number, why.code));
                }
            }
            other => {
                return Err(format!(
                    "the head is {phase}, {other:?}, {serving:?} serves"
                ));
            }
        }
        if !self.store.records || self.forge.deployments == 0 {
            return Err("there is no deployment record".to_owned());
        }
        match serving.and_then(|number| self.store.revision(number)) {
            Some(serving) => {
                self.end_rolled_back(observed, current)?;
                self.end_data(observed, serving)?;
                self.end_serving(serving)
            }
            None if serving.is_some() => Err("a revision of a former life serves".to_owned()),
            None => self.end_without(None),
        }
    }

    fn end_serving(&self, facts: &RevisionFacts) -> Result<(), String> {
        let number = facts.number;
        let blueprint = facts
            .blueprint
            .as_ref()
            .ok_or("what serves has no blueprint")?;
        for service in &blueprint.services {
            let key = (number, service.name.clone());
            let there = self.engine.objects.services.get(&key);
            let Some(there) = there.filter(|service| service.is_running()) else {
                return Err(format!("{number} {} does not run", service.name));
            };
            let routed = self
                .proxy
                .route
                .as_ref()
                .and_then(|r| r.addresses.get(&service.name));
            if service.public && routed != Some(&there.address) {
                return Err(format!(
                    "the route of {number} {} leads astray",
                    service.name
                ));
            }
        }
        for database in &blueprint.databases {
            let generation = facts.generation.ok_or("what serves runs on nothing")?;
            let key = (generation, database.name.clone());
            if !self.is_ready(number, &key) {
                let server = self.engine.objects.servers.get(&key);
                let data = self.engine.objects.data.get(&key);
                return Err(format!("{} has {server:?} and {data:?}", database.name));
            }
        }
        self.end_without(Some((number, blueprint)))
    }

    /// Where somebody went back, what serves runs on the data that served then.
    fn end_rolled_back(&self, observed: &Observed, current: &RevisionFacts) -> Result<(), String> {
        let rolled_back_to = self.store.desired.rolled_back_to(current.request);
        let rolled_back_to = rolled_back_to.and_then(|number| observed.revision(number));
        match rolled_back_to {
            Some(rolled_back_to) if rolled_back_to.generation != current.generation => {
                Err(format!(
                    "{} went back to {}, and runs on {:?} instead of {:?}",
                    current.number,
                    rolled_back_to.number,
                    current.generation,
                    rolled_back_to.generation
                ))
            }
            _ => Ok(()),
        }
    }

    /// Data are there of what serves and of what one can go back to, and of nothing else; only what
    /// serves has servers.
    fn end_data(&self, observed: &Observed, serving: &RevisionFacts) -> Result<(), String> {
        let before = observed.before();
        let kept = before.and_then(|before| before.generation);
        for at in self.engine.databases() {
            let serves = serving.generation == Some(at.0);
            if !serves && kept != Some(at.0) {
                return Err(format!("{} {} is left", at.0, at.1));
            }
            if !serves && self.engine.objects.servers.contains_key(at) {
                return Err(format!("the server of {} {} is left", at.0, at.1));
            }
        }
        let replaced = observed.revisions.iter().rev().find(|revision| {
            revision.number < serving.number
                && revision.outcome == Some(Outcome::Retired)
                && self.proxy.met.contains(&revision.number)
        });
        let lost = self.engine.damaged.iter().next().is_some();
        match replaced {
            Some(replaced) if before.is_none() && !observed.undo_is_over && !lost => {
                Err(format!("nobody can go back to {}", replaced.number))
            }
            _ => Ok(()),
        }
    }

    /// Images are there of what serves and, for a revert, one more for each service.
    fn end_images(&self, serving: Option<RevisionNumber>) -> Result<(), String> {
        let serving = serving.and_then(|number| self.store.revision(number));
        let used: BTreeSet<_> = serving
            .iter()
            .flat_map(|facts| facts.images.values())
            .collect();
        let served = self.store.revisions.iter().filter(|facts| facts.healthy);
        let before: BTreeMap<_, _> = served
            .flat_map(|facts| &facts.images)
            .filter(|(_, image)| !used.contains(image))
            .collect();
        let left = self.engine.objects.images.values().map(|(image, _)| image);
        let mut left = left.filter(|image| {
            !used.contains(image) && !before.values().any(|before| before == image)
        });
        match left.next() {
            Some(image) => Err(format!("image {image} is left")),
            None => Ok(()),
        }
    }

    /// Nothing is there but what the serving revision needs, and databases.
    fn end_without(&self, serving: Option<(RevisionNumber, &Blueprint)>) -> Result<(), String> {
        let objects = &self.engine.objects;
        let names: BTreeSet<_> = serving
            .iter()
            .flat_map(|(number, b)| b.services.iter().map(|s| (*number, s.name.clone())))
            .collect();
        let services: BTreeSet<_> = objects.services.keys().cloned().collect();
        if services != names {
            return Err(format!("{services:?} are there, not {names:?}"));
        }
        self.end_images(serving.map(|(number, _)| number))?;
        let mut databases = self.engine.databases();
        let stray = databases.find(|key| serving.is_none() || !self.store.is_complete(key));
        if stray.is_some() || !objects.runs.is_empty() {
            return Err(format!("{stray:?} and runs {:?} are left", objects.runs));
        }
        for network in objects.networks.keys() {
            let needed = match network {
                Network::Revision(number) => serving.is_some_and(|(serving, _)| serving == *number),
                Network::Data(generation) => serving
                    .and_then(|(number, _)| self.store.revision(number))
                    .is_some_and(|facts| facts.generation == Some(*generation)),
            };
            if !needed {
                return Err(format!("{network:?} is left"));
            }
        }
        Ok(())
    }
}
