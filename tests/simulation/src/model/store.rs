//! The modelled store: the facts that outlive the control plane, changed as its transactions do.

use std::collections::{BTreeMap, BTreeSet};

use deploy::{
    fake::{DatabaseAt, ServiceAt},
    names::{CommitSha, DatabaseName, Generation, ImageId, RevisionNumber},
};
use orchestrator::lifecycle::{
    DataSource, Desired, Diagnosis, GenerationFacts, Origin, Outcome, RevisionFacts, Step,
};

/// What is written down of one preview.
#[derive(Debug)]
pub(super) struct Store {
    /// What is wanted.
    pub(super) desired: Desired,
    /// Revisions of the present life, oldest first.
    pub(super) revisions: Vec<RevisionFacts>,
    /// Revisions of former lives: only their numbers and lives matter.
    pub(super) former: BTreeMap<RevisionNumber, u32>,
    /// Generations of the present life's databases.
    pub(super) generations: BTreeMap<Generation, GenerationFacts>,
    /// The highest generation ever given.
    pub(super) last_generation: u32,
    /// When visitors were first led to each revision.
    pub(super) served_at: BTreeMap<RevisionNumber, u64>,
    /// What the forge was last told.
    pub(super) reported: Option<String>,
    /// Whether deployment records may exist.
    pub(super) records: bool,
    /// How many lives have ended.
    pub(super) ended: u32,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            desired: Desired::new(Origin::PullRequest),
            revisions: Vec::new(),
            former: BTreeMap::new(),
            generations: BTreeMap::new(),
            last_generation: 0,
            served_at: BTreeMap::new(),
            reported: None,
            records: false,
            ended: 0,
        }
    }
}

impl Store {
    /// The highest number ever given.
    pub(super) fn last_number(&self) -> u32 {
        let now = self.revisions.last().map_or(0, |facts| facts.number.0);
        let before = self.former.keys().next_back().map_or(0, |number| number.0);
        now.max(before)
    }

    /// One revision of the present life.
    pub(super) fn revision(&self, number: RevisionNumber) -> Option<&RevisionFacts> {
        self.revisions.iter().find(|facts| facts.number == number)
    }

    /// Changes one revision of the present life.
    pub(super) fn change(
        &mut self,
        number: RevisionNumber,
        change: impl FnOnce(&mut RevisionFacts),
    ) {
        if let Some(facts) = self
            .revisions
            .iter_mut()
            .find(|facts| facts.number == number)
        {
            change(facts);
        }
    }

    /// Counts a beginning.
    pub(super) fn begin_attempt(&mut self, step: &Step) {
        if let Some((number, attempt)) = step.facts().attempt() {
            self.change(number, |facts| {
                *facts.attempts.entry(attempt).or_insert(0) += 1
            });
        }
    }

    /// Takes a beginning back.
    pub(super) fn end_attempt(&mut self, step: &Step) {
        if let Some((number, attempt)) = step.facts().attempt() {
            self.change(number, |facts| {
                facts.attempts.remove(&attempt);
            });
        }
    }

    /// A new revision; older ones that never served are superseded.
    pub(super) fn begin_revision(
        &mut self,
        number: RevisionNumber,
        commit: &CommitSha,
        request: u64,
    ) {
        for facts in &mut self.revisions {
            if facts.number < number && facts.outcome.is_none() && !facts.healthy {
                facts.outcome = Some(Outcome::Superseded);
            }
        }
        if self.revision(number).is_some() || self.former.contains_key(&number) {
            return;
        }
        let facts = RevisionFacts {
            number,
            life: self.desired.life,
            commit: commit.clone(),
            request,
            blueprint: None,
            images: BTreeMap::new(),
            fingerprints: BTreeMap::new(),
            generation: None,
            migrated: BTreeSet::new(),
            attempts: BTreeMap::new(),
            healthy: false,
            served: false,
            outcome: None,
        };
        let rolled_back_to = self.desired.rolled_back_to(request);
        self.revisions.push(
            match rolled_back_to.and_then(|number| self.revision(number)) {
                Some(before) => RevisionFacts {
                    blueprint: before.blueprint.clone(),
                    images: before.images.clone(),
                    generation: before.generation,
                    migrated: before.migrated.clone(),
                    ..facts
                },
                None => facts,
            },
        );
        self.revisions.sort_by_key(|facts| facts.number);
    }

    /// How a revision ended; the first outcome stays.
    pub(super) fn set_outcome(&mut self, number: RevisionNumber, outcome: Outcome) {
        self.change(number, |facts| {
            facts.outcome.get_or_insert(outcome);
        });
    }

    /// The image of a service, and of every other that is made of the same; or that it is gone.
    pub(super) fn note_image(&mut self, at: &ServiceAt, image: Option<ImageId>) {
        self.change(at.0, |facts| match image {
            Some(image) => {
                let same = facts.made_of_the_same(&at.1).into_iter();
                facts.images.extend(same.map(|name| (name, image.clone())));
            }
            None => drop(facts.images.remove(&at.1)),
        });
    }

    /// What a revision runs on; what runs on data as they are has nothing to migrate.
    pub(super) fn assign(
        &mut self,
        number: RevisionNumber,
        generation: Generation,
        from: DataSource,
        reseed: BTreeSet<DatabaseName>,
    ) {
        self.change(number, |facts| {
            facts.generation = Some(generation);
            let migrated = facts.migrated_on(generation, &from, &reseed);
            facts.migrated.extend(migrated);
        });
        let facts = self
            .generations
            .entry(generation)
            .or_insert(GenerationFacts {
                from,
                reseed: BTreeSet::new(),
                complete: BTreeSet::new(),
                answering: BTreeSet::new(),
            });
        facts.reseed.extend(reseed);
        self.last_generation = self.last_generation.max(generation.0);
    }

    /// Databases are complete; whatever migrated the predecessor of one that was made anew counts
    /// no more.
    pub(super) fn set_complete(
        &mut self,
        generation: Generation,
        names: BTreeSet<DatabaseName>,
        anew: bool,
    ) {
        for name in names {
            if anew {
                self.forget_migrations(&(generation, name.clone()));
            }
            if let Some(facts) = self.generations.get_mut(&generation) {
                facts.answering.remove(&name);
                facts.complete.insert(name);
            }
        }
    }

    /// The start of a server begins, or came to its end.
    pub(super) fn set_answers(&mut self, key: &DatabaseAt, answers: bool) {
        if let Some(facts) = self.generations.get_mut(&key.0) {
            match answers {
                true => facts.answering.insert(key.1.clone()),
                false => facts.answering.remove(&key.1),
            };
        }
    }

    /// A database is no more.
    pub(super) fn forget_database(&mut self, key: &DatabaseAt) {
        self.forget_migrations(key);
        if let Some(facts) = self.generations.get_mut(&key.0) {
            facts.complete.remove(&key.1);
            facts.answering.remove(&key.1);
        }
    }

    /// Whether a database is complete.
    pub(super) fn is_complete(&self, key: &DatabaseAt) -> bool {
        let facts = self.generations.get(&key.0);
        facts.is_some_and(|facts| facts.complete.contains(&key.1))
    }

    fn forget_migrations(&mut self, (generation, name): &DatabaseAt) {
        for facts in &mut self.revisions {
            if facts.generation == Some(*generation) {
                facts.migrated.remove(name);
            }
        }
    }

    /// The life ended.
    pub(super) fn confirm_gone(&mut self) {
        self.desired.life += 1;
        self.desired.clearing = false;
        self.desired.reset = None;
        self.desired.rollback = None;
        self.ended += 1;
        self.generations.clear();
        self.served_at.clear();
        for facts in self.revisions.drain(..) {
            self.former.insert(facts.number, facts.life);
        }
    }
}

/// A failure in the words of the model.
pub(super) fn diagnosis(code: &str) -> Diagnosis {
    Diagnosis {
        code: code.to_owned(),
        sentence: String::new(),
        evidence: Vec::new(),
        action: String::new(),
    }
}
