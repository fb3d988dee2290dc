//! Taking away: what a newer revision replaced, and everything when a preview ends.

use std::collections::BTreeSet;

use deploy::{engine::Room, names::RevisionNumber};

use super::{
    decide::{Planner, is_alive},
    observed::RevisionFacts,
    step::Step,
};

/// How many looks in a row must find nothing before a preview counts as gone: an effect that was
/// under way when its step was dropped may still appear after the first.
pub(super) const EMPTY_LOOKS: u32 = 2;

/// Takes away what neither serves nor is being brought up.
pub(super) fn superseded(planner: &mut Planner<'_>, current: Option<&RevisionFacts>) {
    let observed = planner.observed;
    let routed = observed.route.as_ref().map(|route| route.revision);
    let alive = current
        .filter(|revision| is_alive(revision))
        .map(|revision| revision.number);
    let kept = |number: RevisionNumber| Some(number) == routed || Some(number) == alive;
    let replaced = |revision: &&RevisionFacts| {
        !kept(revision.number) && revision.outcome.is_none() && revision.healthy
    };
    for revision in observed.revisions.iter().filter(replaced) {
        planner.want(Step::Retire {
            revision: revision.number,
        });
    }
    for number in revisions_with_objects(planner)
        .into_iter()
        .filter(|n| !kept(*n))
    {
        remove_revision(planner, number);
    }
    leftovers(planner, &kept);
}

/// Every revision that has anything in the engine.
fn revisions_with_objects(planner: &Planner<'_>) -> BTreeSet<RevisionNumber> {
    let observed = planner.observed;
    let rooms = observed.rooms.iter().filter_map(|room| match room {
        Room::Revision(number) => Some(*number),
        Room::Data => None,
    });
    let services = observed.services.keys().map(|(number, _)| *number);
    let images = observed.images.values().copied();
    rooms.chain(services).chain(images).collect()
}

/// Drain, stop, then the rest. Nothing is taken away while something of the revision may still be
/// on its way into the engine.
fn remove_revision(planner: &mut Planner<'_>, number: RevisionNumber) {
    let arriving = |step: &Step| {
        let room = Step::EnsureRoom {
            room: Room::Revision(number),
            members: 0,
        };
        let same_room = matches!((step, &room),
            (Step::EnsureRoom { room: a, .. }, Step::EnsureRoom { room: b, .. }) if a == b);
        same_room || (step.creates() && step.revision() == Some(number))
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
        for (image, _) in observed.images.iter().filter(|(_, n)| **n == number) {
            planner.want(Step::RemoveImage {
                image: image.clone(),
            });
        }
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
        let room = Room::Revision(number);
        if strays.is_empty() && observed.rooms.contains(&room) {
            planner.want(Step::RemoveRoom { room });
        }
    } else if observed.drained.contains(&number) {
        for (revision, service) in services {
            planner.want(Step::RemoveService { revision, service });
        }
    } else {
        planner.want(Step::Drain { revision: number });
    }
}

/// What belongs to no revision that is kept, and to no work that is under way.
fn leftovers(planner: &mut Planner<'_>, kept: &impl Fn(RevisionNumber) -> bool) {
    let observed = planner.observed;
    for stray in &observed.strays {
        let busy =
            match (stray.revision, &stray.database) {
                // Strays of other revisions went with their revision.
                (Some(number), _) if !kept(number) => true,
                (Some(number), _) => {
                    planner.under_way(|step| step.creates() && step.revision() == Some(number))
                }
                // A directory whose making is complete belongs to a database, container or not.
                (None, Some(name)) => observed.born.contains(name)
                    || planner.under_way(
                        |step| matches!(step, Step::CreateDatabase { name: n, .. } if n == name),
                    ),
                (None, None) => planner.under_way(Step::creates),
            };
        if !busy {
            planner.want(Step::RemoveStray {
                stray: stray.clone(),
            });
        }
    }
}

/// Takes everything away, in the order in which nobody is hurt: route, services, databases and
/// images, networks; then looks again until nothing appears any more.
pub(super) fn clear(planner: &mut Planner<'_>) {
    let observed = planner.observed;
    if observed.records && !planner.under_way(|step| matches!(step, Step::Report { .. })) {
        planner.want(Step::DeleteRecords);
    }
    if observed.route.is_some() {
        return planner.want(Step::Unroute);
    }
    let arriving = |step: &Step| step.creates() && !step.is_cancellable();
    if planner.under_way(arriving) {
        return;
    }
    for (revision, service) in observed.services.keys().cloned() {
        planner.want(Step::RemoveService { revision, service });
    }
    if !observed.services.is_empty() {
        return;
    }
    let names: BTreeSet<_> = observed
        .databases
        .keys()
        .chain(&observed.born)
        .cloned()
        .collect();
    for name in &names {
        planner.want(Step::RemoveDatabase { name: name.clone() });
    }
    for stray in &observed.strays {
        // A database's directory goes with the database.
        if !stray
            .database
            .as_ref()
            .is_some_and(|name| names.contains(name))
        {
            planner.want(Step::RemoveStray {
                stray: stray.clone(),
            });
        }
    }
    for image in observed.images.keys() {
        planner.want(Step::RemoveImage {
            image: image.clone(),
        });
    }
    if names.is_empty() && observed.strays.is_empty() {
        for room in &observed.rooms {
            planner.want(Step::RemoveRoom { room: room.clone() });
        }
    }
    confirm(planner, names.is_empty());
}

fn confirm(planner: &mut Planner<'_>, no_databases: bool) {
    let observed = planner.observed;
    let quiet = !planner.under_way(Step::creates);
    if !(planner.desired.clearing && no_databases && quiet && observed.engine_is_empty()) {
        return;
    }
    if observed.empty_looks < EMPTY_LOOKS {
        planner.want(Step::LookAgain {
            seen: observed.empty_looks,
        });
    } else if !observed.records {
        planner.want(Step::ConfirmGone);
    }
}
