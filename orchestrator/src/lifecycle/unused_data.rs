//! Removes data that no revision needs any more.

use std::collections::BTreeSet;

use deploy::{
    engine::Network,
    names::{DatabaseName, Generation, RevisionNumber},
};

use super::{observed::RevisionFacts, planner::Planner, step::Step};

/// Data that a revision uses, or will use soon.
pub(super) struct Needed {
    /// The generations of that data.
    pub(super) generations: BTreeSet<Generation>,
    /// Databases declared by a revision that uses the data or has served visitors on it.
    asked: BTreeSet<(Generation, DatabaseName)>,
}

/// The data that is needed while these revisions are kept.
pub(super) fn needed(planner: &Planner<'_>, kept: &impl Fn(RevisionNumber) -> bool) -> Needed {
    let observed = planner.observed;
    // The target of an undo is needed from the moment of the request.
    let rolled_back_to = planner.desired.rolled_back_to(planner.desired.request);
    // Draining and interrupted containers still use their data. A replaced revision counts as used
    // until it is recorded as retired: only then can an undo find it.
    let uses = |number: RevisionNumber| {
        let strays = || observed.strays.iter().filter_map(|stray| stray.revision);
        let undecided = |facts: &RevisionFacts| facts.healthy && facts.outcome.is_none();
        kept(number)
            || rolled_back_to == Some(number)
            || observed.revision(number).is_some_and(undecided)
            || observed.services.keys().any(|(n, _)| *n == number)
            || strays().any(|n| n == number)
            || planner.under_way(|step| step.creates() && step.revision() == Some(number))
    };
    let revisions = || observed.revisions.iter();
    let used = revisions().filter(|revision| uses(revision.number));
    let used: BTreeSet<_> = used.filter_map(|revision| revision.generation).collect();
    // The source of an unfinished copy is needed as long as the copy.
    let sources = used.iter().filter_map(|generation| {
        let facts = observed.generations.get(generation)?;
        let source = facts.source()?;
        let lacks = |revision: &RevisionFacts| {
            let mut names = revision.databases().map(|database| &database.name);
            revision.generation == Some(*generation) && !names.all(|n| facts.complete.contains(n))
        };
        let mut users = revisions().filter(|revision| uses(revision.number));
        users.any(lacks).then_some(source)
    });
    let asks = revisions().filter(|revision| revision.served || uses(revision.number));
    let asked = asks.filter_map(|revision| Some((revision.generation?, revision)));
    let asked = asked.flat_map(|(generation, revision)| {
        let databases = revision.databases();
        databases.map(move |database| (generation, database.name.clone()))
    });
    Needed {
        generations: used.iter().copied().chain(sources).collect(),
        asked: asked.collect(),
    }
}

/// Plans the removal of data that no revision needs. If an undo can still restore the data, plans
/// only the stop of its servers.
pub(super) fn unused(planner: &mut Planner<'_>, needed: &Needed) {
    let observed = planner.observed;
    // An assignment under way may choose the existing data.
    if planner.under_way(|step| matches!(step, Step::AssignData { .. })) {
        return;
    }
    let before = observed.before().and_then(|revision| revision.generation);
    for key in all(planner) {
        let (generation, name) = key.clone();
        let changes =
            |step: &Step| step.changes_database(generation, &name) || step.copies_from(generation);
        let removes = Step::RemoveDatabase {
            generation,
            name: name.clone(),
        };
        let stops = Step::StopDatabase {
            generation,
            name: name.clone(),
        };
        let wanted = match (needed.asked.contains(&key), before == Some(generation)) {
            (false, _) => removes,
            (true, _) if needed.generations.contains(&generation) => continue,
            (true, false) => removes,
            (true, true) if observed.databases.contains_key(&key) => stops,
            (true, true) => continue,
        };
        if !planner.under_way(|step| changes(step) && *step != wanted) {
            planner.want(wanted);
        }
    }
    networks(planner, needed);
}

/// Plans the removal of database networks that no revision needs.
fn networks(planner: &mut Planner<'_>, needed: &Needed) {
    let observed = planner.observed;
    for network in &observed.networks {
        let Network::Data(generation) = network else {
            continue;
        };
        let used = needed.generations.contains(generation)
            || observed.databases.keys().any(|(g, _)| g == generation)
            || planner.under_way(|step| match step {
                Step::EnsureNetwork { network: other, .. } => other == network,
                Step::StartDatabase { generation: g, .. } => g == generation,
                _ => false,
            });
        if !used {
            planner.want(Step::RemoveNetwork {
                network: network.clone(),
            });
        }
    }
}

/// Every database that has objects or a record.
pub(super) fn all(planner: &Planner<'_>) -> BTreeSet<(Generation, DatabaseName)> {
    let observed = planner.observed;
    let complete = observed.generations.iter().flat_map(|(generation, facts)| {
        let complete = facts.complete.iter();
        complete.map(|name| (*generation, name.clone()))
    });
    let seen = observed.databases.keys().chain(&observed.data).cloned();
    seen.chain(complete).collect()
}
