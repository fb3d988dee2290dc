//! Where the data of what runs come from, as far as people have to be told.

use deploy::{
    blueprint::Database,
    names::{DatabaseName, Generation},
};

use super::{
    data_source::DataSource,
    observed::{Observed, Outcome, RevisionFacts},
};

impl Observed {
    /// Whether the data that a revision runs on were kept although its commit has another seed than
    /// they were made from. What was copied of another preview is not known, and counts as the same.
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

    /// Whether a revision that serves has data that were made from their seed while what it replaced
    /// had others, to which one can go back.
    pub fn started_again(&self, revision: &RevisionFacts, name: &DatabaseName) -> bool {
        // It may still be on its way out.
        let ended = [None, Some(Outcome::Retired)];
        let Some(before) = self.replaced_by(revision, &ended) else {
            return false;
        };
        let made = revision
            .generation
            .and_then(|generation| self.made_in(generation, name));
        made > before.generation && asked(before, name).is_some()
    }

    /// The generation in which a database's data were made from their seed.
    fn made_in(&self, generation: Generation, name: &DatabaseName) -> Option<Generation> {
        let mut at = generation;
        loop {
            let facts = self.generations.get(&at)?;
            match facts.from {
                _ if facts.reseed.contains(name) => return Some(at),
                DataSource::Seeds => return Some(at),
                // Copies come later than what they are copied from.
                DataSource::Generation(source) if source < at => at = source,
                DataSource::Generation(_) | DataSource::Preview(_) => return None,
            }
        }
    }
}

/// The database as a revision asks for it.
fn asked<'a>(revision: &'a RevisionFacts, name: &DatabaseName) -> Option<&'a Database> {
    revision.databases().find(|database| database.name == *name)
}
