//! What a revision runs on, decided from what serves now, what it was taken of, and what it asks for.

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

/// What a revision is to run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DataPlan {
    /// What another revision runs on, as it is.
    Same {
        /// That.
        generation: Generation,
        /// Databases that it does not have yet.
        added: BTreeSet<DatabaseName>,
    },
    /// A generation of its own.
    New {
        /// Where its data come from.
        from: DataSource,
        /// Databases that come from their seeds all the same.
        reseed: BTreeSet<DatabaseName>,
    },
}

/// What becomes of one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// It goes on as it is.
    Kept,
    /// It is migrated, or has another server from now on.
    Changed,
    /// It starts again from its seed.
    Again,
    /// There was none before.
    Added,
}

/// Decides it.
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
    // What was reset and has served since goes on as any other data do; and a reset that failed is
    // over, so that no later push takes data away.
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

/// A database as it was last asked for by whom visitors met on these data, and whether it has met
/// the migrations of that one. A push that left it out for a while has not removed it.
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
    // What ran other files, or ran them in another way or not at all, has not met them; nor have
    // data that were lost and made anew since.
    let met = same_files && old.migrate == new.migrate && migrated;
    // What serves keeps the server that it has.
    let same_server = old.image == new.image && old.memory_bytes == new.memory_bytes;
    match (again, new.migrate.is_some() && !met || !same_server) {
        (true, _) => Change::Again,
        (false, true) => Change::Changed,
        (false, false) => Change::Kept,
    }
}

/// The first data of a preview.
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

/// Whether the server that a push asks for can run on the data of the one before: the same kind in
/// the same version, or in another one that differs behind the first dot.
fn fits(old: &Database, new: &Database) -> bool {
    let major = |image: &str| {
        let (name, _digest) = image.split_once('@').unwrap_or((image, ""));
        let last = name.rsplit('/').next().unwrap_or(name);
        let version = last.split_once(':').map_or("", |(_, version)| version);
        version.split(['.', '-']).next().unwrap_or("").to_owned()
    };
    old.kind == new.kind && major(&old.image) == major(&new.image)
}
