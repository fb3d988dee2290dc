//! Whether data come from another seed than the commit that runs on them has.

use deploy::names::{DatabaseName, Generation};

use super::observed::{DataSource, Observed, RevisionFacts};

impl Observed {
    /// Whether the data that a revision runs on were kept although its commit has another seed than
    /// they were made from. What was copied of another preview is not known, and counts as the same.
    pub fn seed_changed(&self, revision: &RevisionFacts, name: &DatabaseName) -> bool {
        let asked = |facts: &RevisionFacts| {
            let mut databases = facts.databases();
            databases.find(|database| database.name == *name).cloned()
        };
        let maker = revision
            .generation
            .and_then(|generation| self.made_in(generation, name))
            .and_then(|generation| {
                let mut revisions = self.revisions.iter();
                revisions
                    .find_map(|facts| asked(facts).filter(|_| facts.generation == Some(generation)))
            });
        match (maker, asked(revision)) {
            (Some(old), Some(new)) => {
                old.seed_digest.is_some()
                    && new.seed_digest.is_some()
                    && old.seed_digest != new.seed_digest
            }
            _ => false,
        }
    }

    /// The generation in which a database's data were made from their seed.
    fn made_in(&self, generation: Generation, name: &DatabaseName) -> Option<Generation> {
        let mut at = generation;
        loop {
            let facts = self.generations.get(&at)?;
            match facts.from {
                _ if facts.fresh.contains(name) => return Some(at),
                DataSource::Seeds => return Some(at),
                // Copies come later than what they are copied from.
                DataSource::Generation(source) if source < at => at = source,
                DataSource::Generation(_) | DataSource::Preview(_) => return None,
            }
        }
    }
}
