//! Decides the data that a revision runs on, from the serving revision, the copied preview and the
//! revision's blueprint.

use std::collections::BTreeSet;

use deploy::{
    blueprint::{Blueprint, Database, OnPush},
    databases::DataSet,
    names::{DatabaseName, Generation},
};

use super::{
    data_source::DataSource,
    desired::Desired,
    observed::{Observed, Outcome, RevisionFacts},
};

/// The data that a revision will run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DataPlan {
    /// The unchanged data of another revision.
    Same {
        /// The generation of that revision.
        generation: Generation,
        /// Databases that the generation does not have yet.
        added: BTreeSet<DatabaseName>,
    },
    /// A generation of its own.
    New {
        /// The source of its data.
        from: DataSource,
        /// Databases that are created from their seeds nevertheless.
        reseed: BTreeSet<DatabaseName>,
    },
}

/// The change to one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// It is used unchanged.
    Kept,
    /// It is migrated, or gets another server.
    Changed,
    /// It is recreated from its seed.
    Again,
    /// It did not exist before.
    Added,
}

/// Decides the data plan of a revision.
pub(super) fn data_plan(
    desired: &Desired,
    observed: &Observed,
    revision: &RevisionFacts,
    blueprint: &Blueprint,
) -> DataPlan {
    let serving = observed
        .serving()
        .filter(|serving| serving.number != revision.number);
    let before = serving.and_then(|serving| Some((serving, serving.generation?)));
    let Some((serving, generation)) = before else {
        return first(desired, blueprint);
    };
    // A reset is done once it has served or failed. So a later push keeps the data.
    let is_done = |request| {
        let mut others = observed.revisions.iter();
        let ended = |facts: &RevisionFacts| {
            facts.served || matches!(facts.outcome, Some(Outcome::Failed(_)))
        };
        others.any(|facts| {
            facts.request == request && facts.number != revision.number && ended(facts)
        })
    };
    let reset = desired
        .reset
        .as_ref()
        .filter(|reset| reset.request == revision.request && !is_done(reset.request));
    let asked = |name| {
        reset.is_some_and(|reset| reset.only.as_ref().is_none_or(|only| only.contains(name)))
    };
    let changes: Vec<_> = blueprint
        .databases
        .iter()
        .map(|new| {
            let change = match old(observed, serving, generation, &new.name) {
                None => Change::Added,
                Some(_) if asked(&new.name) => Change::Again,
                Some((old, migrated)) => change(old, new, migrated),
            };
            (&new.name, change)
        })
        .collect();
    let reseed: BTreeSet<_> = changes
        .iter()
        .filter(|(_, change)| matches!(change, Change::Again | Change::Added))
        .map(|(name, _)| (*name).clone())
        .collect();
    let as_it_is = |(_, change): &(_, Change)| matches!(change, Change::Kept | Change::Added);
    if changes.iter().all(as_it_is) {
        return DataPlan::Same {
            generation,
            added: reseed,
        };
    }
    DataPlan::New {
        from: match reseed.len() == changes.len() {
            true => DataSource::Seeds,
            false => DataSource::Generation(generation),
        },
        reseed,
    }
}

/// The database as declared by the last revision that served on this data, and whether that
/// revision's migrations have run on it. A push that temporarily left it out has not removed it.
fn old<'a>(
    observed: &'a Observed,
    serving: &'a RevisionFacts,
    generation: Generation,
    name: &DatabaseName,
) -> Option<(&'a Database, bool)> {
    let earlier = observed.revisions.iter().rev();
    let earlier = earlier.filter(|facts| facts.served && facts.generation == Some(generation));
    std::iter::once(serving).chain(earlier).find_map(|facts| {
        let mut databases = facts.databases();
        let database = databases.find(|database| database.name == *name)?;
        Some((database, facts.migrated.contains(name)))
    })
}

fn change(old: &Database, new: &Database, migrated: bool) -> Change {
    let same_files = new.migrations.is_some() && new.migrations == old.migrations;
    let again = !fits(old, new)
        || match new.on_push {
            OnPush::Keep => false,
            OnPush::Reset => true,
            OnPush::ResetIfMigrationsChanged => !same_files,
        };
    // The data is up to date only if the same files ran on it, with the same command. Data that was
    // lost and recreated is not.
    let met = same_files && old.migrate == new.migrate && migrated;
    // The serving revision keeps its server.
    let same_server = old.image == new.image && old.memory_bytes == new.memory_bytes;
    match (again, new.migrate.is_some() && !met || !same_server) {
        (true, _) => Change::Again,
        (false, true) => Change::Changed,
        (false, false) => Change::Kept,
    }
}

/// The data plan of a preview's first data.
fn first(desired: &Desired, blueprint: &Blueprint) -> DataPlan {
    let parent = desired.parent.as_ref();
    let from = parent.and_then(|parent| Some((parent, parent.generation?)));
    let Some((parent, generation)) = from else {
        return DataPlan::New {
            from: DataSource::Seeds,
            reseed: BTreeSet::new(),
        };
    };
    let all = blueprint.databases.iter().map(|d| &d.name);
    let reseed = all.filter(|name| !parent.names.contains(*name));
    DataPlan::New {
        reseed: reseed.cloned().collect(),
        from: DataSource::Preview(DataSet {
            preview: parent.preview.clone(),
            generation,
        }),
    }
}

/// Whether the new server can run on the data of the old one: the same kind and the same major
/// version.
fn fits(old: &Database, new: &Database) -> bool {
    let major = |image: &str| {
        let (name, _digest) = image.split_once('@').unwrap_or((image, ""));
        let last = name.rsplit('/').next().unwrap_or(name);
        let version = last.split_once(':').map_or("", |(_, version)| version);
        version.split(['.', '-']).next().unwrap_or("").to_owned()
    };
    old.kind == new.kind && major(&old.image) == major(&new.image)
}
