//! The modelled store: the facts that outlive the control plane, changed as its transactions do.

use std::collections::{BTreeMap, BTreeSet};

use deploy::names::{CommitSha, DatabaseName, RevisionNumber};
use orchestrator::lifecycle::{Attempt, Desired, Diagnosis, Origin, Outcome, RevisionFacts, Step};

/// What is written down of one preview.
#[derive(Debug)]
pub(super) struct Store {
    /// What is wanted.
    pub(super) desired: Desired,
    /// Revisions of the present life, oldest first.
    pub(super) revisions: Vec<RevisionFacts>,
    /// Revisions of former lives: only their numbers and lives matter.
    pub(super) former: BTreeMap<RevisionNumber, u32>,
    /// Databases whose making is complete.
    pub(super) born: BTreeSet<DatabaseName>,
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
            born: BTreeSet::new(),
            reported: None,
            records: false,
            ended: 0,
        }
    }
}

/// The work whose beginnings are counted.
pub(super) fn counted(step: &Step) -> Option<(RevisionNumber, Attempt)> {
    Some(match step {
        Step::ReadSource { revision } => (*revision, Attempt::Source),
        Step::Build { revision, service } => (*revision, Attempt::Build(service.clone())),
        Step::CreateDatabase { name, revision } => (*revision, Attempt::Database(name.clone())),
        Step::Migrate { revision, database } => (*revision, Attempt::Migrate(database.clone())),
        Step::StartService { revision, service } => (*revision, Attempt::Start(service.clone())),
        Step::Probe { revision } => (*revision, Attempt::Probe),
        _ => return None,
    })
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
        if let Some((number, attempt)) = counted(step) {
            self.change(number, |facts| {
                *facts.attempts.entry(attempt).or_insert(0) += 1
            });
        }
    }

    /// Takes a beginning back.
    pub(super) fn end_attempt(&mut self, step: &Step) {
        if let Some((number, attempt)) = counted(step) {
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
        self.revisions.push(RevisionFacts {
            number,
            life: self.desired.life,
            commit: commit.clone(),
            request,
            blueprint: None,
            images: BTreeMap::new(),
            fingerprints: BTreeMap::new(),
            migrated: BTreeSet::new(),
            attempts: BTreeMap::new(),
            healthy: false,
            outcome: None,
        });
        self.revisions.sort_by_key(|facts| facts.number);
    }

    /// How a revision ended; the first outcome stays.
    pub(super) fn set_outcome(&mut self, number: RevisionNumber, outcome: Outcome) {
        self.change(number, |facts| {
            facts.outcome.get_or_insert(outcome);
        });
    }

    /// A database is complete; whatever migrated its predecessor counts no more.
    pub(super) fn set_born(&mut self, name: &DatabaseName) {
        self.forget_migrations(name);
        self.born.insert(name.clone());
    }

    /// A database is no more.
    pub(super) fn forget_database(&mut self, name: &DatabaseName) {
        self.forget_migrations(name);
        self.born.remove(name);
    }

    fn forget_migrations(&mut self, name: &DatabaseName) {
        for facts in &mut self.revisions {
            facts.migrated.remove(name);
        }
    }

    /// The life ended.
    pub(super) fn confirm_gone(&mut self) {
        self.desired.life += 1;
        self.desired.clearing = false;
        self.ended += 1;
        self.born.clear();
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
