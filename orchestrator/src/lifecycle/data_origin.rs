//! The origin of running data, as far as users need to know it.

use deploy::{
    blueprint::Database,
    names::{DatabaseName, Generation},
};

use super::{
    data_source::DataSource,
    observed::{Observed, Outcome, RevisionFacts},
};

impl Observed {
    /// Whether the revision's data comes from another seed than the one in its commit. The seed of
    /// data copied from another preview is unknown and counts as the same.
    pub fn seed_changed(&self, revision: &RevisionFacts, name: &DatabaseName) -> bool {
        let before = revision
            .generation
            .and_then(|generation| self.made_in(generation, name))
            .and_then(|generation| {
                let mut makers = self.revisions.iter();
                makers.find(|facts| {
                    facts.generation == Some(generation) && asked(facts, name).is_some()
                })
            })
            .and_then(|maker| asked(maker, name)?.seed_digest.as_ref());
        let now = asked(revision, name).and_then(|database| database.seed_digest.as_ref());
        before.is_some() && now.is_some() && before != now
    }

    /// Whether the data of a serving revision was recreated from its seed, and an undo can restore
    /// the data of the replaced revision.
    pub fn started_again(&self, revision: &RevisionFacts, name: &DatabaseName) -> bool {
        // The replaced revision may still be shutting down.
        let ended = [None, Some(Outcome::Retired)];
        let Some(before) = self.replaced_by(revision, &ended) else {
            return false;
        };
        let made = revision
            .generation
            .and_then(|generation| self.made_in(generation, name));
        made > before.generation && asked(before, name).is_some()
    }

    /// The generation in which a database was created from its seed.
    fn made_in(&self, generation: Generation, name: &DatabaseName) -> Option<Generation> {
        let mut at = generation;
        loop {
            let facts = self.generations.get(&at)?;
            match facts.from {
                _ if facts.reseed.contains(name) => return Some(at),
                DataSource::Seeds => return Some(at),
                // A copy has a higher generation than its source.
                DataSource::Generation(source) if source < at => at = source,
                DataSource::Generation(_) | DataSource::Preview(_) => return None,
            }
        }
    }
}

/// The database as declared by a revision.
fn asked<'a>(revision: &'a RevisionFacts, name: &DatabaseName) -> Option<&'a Database> {
    revision.databases().find(|database| database.name == *name)
}
