//! Removes the objects of replaced revisions, and everything when a preview ends.

use std::collections::{BTreeMap, BTreeSet};

use deploy::{
    engine::{Network, Stray, StrayKind},
    names::{DatabaseName, Generation, ImageId, RevisionNumber},
};

use super::{
    observed::RevisionFacts,
    planner::Planner,
    step::Step,
    unused_data::{self, Needed},
};

/// How many checks in a row must find nothing before a preview counts as gone. The effect of a
/// dropped step may still appear after the first check.
pub(super) const EMPTY_CHECKS: u32 = 2;

/// Removes the objects of revisions that neither serve nor are starting.
pub(super) fn superseded(planner: &mut Planner<'_>, current: Option<&RevisionFacts>) {
    let observed = planner.observed;
    let routed = observed.route.as_ref().map(|route| route.revision);
    let serving = observed.serving().map(|revision| revision.number);
    let alive = current
        .filter(|revision| revision.is_alive())
        .map(|revision| revision.number);
    // A route change under way may send visitors there at any moment.
    let arriving = |number| planner.under_way(|step| *step == Step::Route { revision: number });
    let kept: BTreeSet<_> = revisions_with_objects(planner)
        .into_iter()
        .chain(observed.revisions.iter().map(|revision| revision.number))
        .filter(|number| {
            Some(*number) == routed
                || Some(*number) == serving
                || Some(*number) == alive
                || observed.in_doubt.contains(number)
                || arriving(*number)
        })
        .collect();
    let kept = |number: RevisionNumber| kept.contains(&number);
    let replaced = |revision: &&RevisionFacts| {
        !kept(revision.number) && revision.outcome.is_none() && revision.healthy
    };
    for revision in observed.revisions.iter().filter(replaced) {
        planner.want(Step::Retire {
            revision: revision.number,
        });
    }
    // Until a revision is recorded as retired, the head may still come back to it.
    let retired = |number: RevisionNumber| {
        let facts = observed.revision(number);
        !facts.is_some_and(|facts| facts.outcome.is_none() && facts.healthy)
    };
    let leaving = |number: &RevisionNumber| !kept(*number) && retired(*number);
    for number in revisions_with_objects(planner).into_iter().filter(leaving) {
        remove_revision(planner, number);
    }
    let needed = unused_data::needed(planner, &kept);
    leftovers(planner, &kept, &needed);
    unused_images(planner, &kept);
    unused_data::unused(planner, &needed);
}

/// Removes images that no kept or running revision uses. The images of the revision before are
/// kept, so that a revert needs no build.
fn unused_images(planner: &mut Planner<'_>, kept: &impl Fn(RevisionNumber) -> bool) {
    let observed = planner.observed;
    // A finished image has no owner until it is recorded, and a build may reuse an old image.
    let builds = |step: &Step| matches!(step, Step::Build { .. } | Step::BeginRevision { .. });
    // A build that waits for the host has already checked for old images, and may need this space.
    let waits = observed
        .build_wait
        .as_ref()
        .is_some_and(|wait| wait.blocker.is_some());
    if !waits && (planner.under_way(builds) || planner.plan.run.iter().any(builds)) {
        return;
    }
    let runs = |number: RevisionNumber| {
        observed.services.keys().any(|(n, _)| *n == number)
            || observed.strays.iter().any(|s| s.revision == Some(number))
            || planner.under_way(|step| step.creates() && step.revision() == Some(number))
    };
    let mut needed: BTreeSet<&ImageId> = observed
        .revisions
        .iter()
        .filter(|revision| kept(revision.number) || runs(revision.number))
        .flat_map(|revision| revision.images.values())
        .collect();
    let mut before = BTreeMap::new();
    // On a full disk, a revert has to build again.
    let served = observed
        .revisions
        .iter()
        .filter(|revision| revision.healthy && !observed.disk_is_full);
    for revision in served {
        for (service, image) in &revision.images {
            if !needed.contains(image) {
                before.insert(service, image);
            }
        }
    }
    needed.extend(before.into_values());
    for image in observed.images.keys() {
        if !needed.contains(image) {
            planner.want(Step::RemoveImage {
                image: image.clone(),
            });
        }
    }
}

/// Every revision that has objects in the engine.
fn revisions_with_objects(planner: &Planner<'_>) -> BTreeSet<RevisionNumber> {
    let observed = planner.observed;
    let networks = observed
        .networks
        .iter()
        .filter_map(|network| match network {
            Network::Revision(number) => Some(*number),
            Network::Data(_) => None,
        });
    let services = observed.services.keys().map(|(number, _)| *number);
    let strays = observed.strays.iter().filter_map(|stray| stray.revision);
    networks.chain(services).chain(strays).collect()
}

/// Drains and stops the services, then removes the rest. Removes nothing while a step may still add
/// objects of the revision to the engine.
fn remove_revision(planner: &mut Planner<'_>, number: RevisionNumber) {
    let arriving = |step: &Step| {
        let network = Step::EnsureNetwork {
            network: Network::Revision(number),
            members: 0,
        };
        let same_network = matches!((step, &network),
            (Step::EnsureNetwork { network: a, .. }, Step::EnsureNetwork { network: b, .. }) if a == b);
        same_network || (step.creates() && step.revision() == Some(number))
    };
    if planner.under_way(arriving) {
        return;
    }
    let observed = planner.observed;
    let services: Vec<_> = observed
        .services
        .keys()
        .filter(|(n, _)| *n == number)
        .cloned()
        .collect();
    if services.is_empty() {
        let strays: Vec<_> = observed
            .strays
            .iter()
            .filter(|s| s.revision == Some(number))
            .cloned()
            .collect();
        for stray in &strays {
            planner.want(Step::RemoveStray {
                stray: stray.clone(),
            });
        }
        let network = Network::Revision(number);
        if strays.is_empty() && observed.networks.contains(&network) {
            planner.want(Step::RemoveNetwork { network });
        }
    } else if observed.drained.contains(&number) {
        for (revision, service) in services {
            planner.want(Step::RemoveService { revision, service });
        }
    } else {
        planner.want(Step::Drain { revision: number });
    }
}

/// Removes stray objects that belong to no kept revision and to no step under way.
fn leftovers(planner: &mut Planner<'_>, kept: &impl Fn(RevisionNumber) -> bool, needed: &Needed) {
    let observed = planner.observed;
    let databases = unused_data::all(planner);
    for stray in &observed.strays {
        let busy = match (stray.revision, &stray.database) {
            // Strays of other revisions are removed with their revision.
            (Some(number), _) if !kept(number) => true,
            (Some(number), _) => {
                planner.under_way(|step| step.creates() && step.revision() == Some(number))
            }
            // Extra volumes of a database image are removed with the database.
            (None, Some(key)) => {
                needed.generations.contains(&key.0)
                    || databases.contains(key)
                    || planner.under_way(|step| step.changes_database(key.0, &key.1))
            }
            (None, None) => planner.under_way(Step::creates),
        };
        if !busy {
            planner.want(Step::RemoveStray {
                stray: stray.clone(),
            });
        }
    }
}

/// Removes everything in a safe order: route, services, databases and images, networks. Then checks
/// until nothing appears any more.
pub(super) fn clear(planner: &mut Planner<'_>) {
    let observed = planner.observed;
    if observed.records && !planner.under_way(|step| matches!(step, Step::Report { .. })) {
        planner.want(Step::DeleteRecords);
    }
    if planner.under_way(|step| matches!(step, Step::Route { .. })) {
        return;
    }
    if observed.route.is_some() || !observed.in_doubt.is_empty() {
        return planner.want(Step::Unroute);
    }
    // Steps that are not planned any more are cancelled. Until they end, they may still create
    // objects.
    if planner.under_way(Step::creates) {
        return;
    }
    for (revision, service) in observed.services.keys().cloned() {
        planner.want(Step::RemoveService { revision, service });
    }
    if !observed.services.is_empty() {
        return;
    }
    let databases = unused_data::all(planner);
    for (generation, name) in databases.iter().cloned() {
        let changes = |step: &Step| step.changes_database(generation, &name);
        let removes = Step::RemoveDatabase {
            generation,
            name: name.clone(),
        };
        if !planner.under_way(|step| changes(step) && *step != removes) {
            planner.want(removes);
        }
    }
    for stray in &observed.strays {
        // Extra volumes of a database image are removed with the database.
        let goes = |key: &(Generation, DatabaseName)| {
            databases.contains(key)
                || planner.under_way(|step| step.changes_database(key.0, &key.1))
        };
        if !stray.database.as_ref().is_some_and(goes) {
            planner.want(Step::RemoveStray {
                stray: stray.clone(),
            });
        }
    }
    // An interrupted container may still use an image.
    let runs = |stray: &Stray| stray.kind == StrayKind::Container;
    if !observed.strays.iter().any(runs) {
        for image in observed.images.keys() {
            planner.want(Step::RemoveImage {
                image: image.clone(),
            });
        }
    }
    if databases.is_empty() && observed.strays.is_empty() {
        for network in &observed.networks {
            planner.want(Step::RemoveNetwork {
                network: network.clone(),
            });
        }
    }
    confirm(planner, databases.is_empty());
}

fn confirm(planner: &mut Planner<'_>, no_databases: bool) {
    let observed = planner.observed;
    // Late effects must not reach the next life: a removal could delete its objects, an assignment
    // would belong to it, and an earlier report could still create a record.
    let works = |step: &Step| match step {
        Step::ConfirmEmpty { .. } => false,
        Step::Report { .. } | Step::AssignData { .. } => true,
        other => other.touches_engine(),
    };
    let quiet = !planner.under_way(works);
    if !(planner.desired.clearing && no_databases && quiet && observed.engine_is_empty()) {
        return;
    }
    if observed.empty_checks < EMPTY_CHECKS {
        planner.want(Step::ConfirmEmpty {
            seen: observed.empty_checks,
        });
    } else if !observed.records {
        planner.want(Step::ConfirmGone);
    }
}
