//! The runbook: which steps may run now.

use std::collections::BTreeSet;

use deploy::{
    blueprint::{Blueprint, Service},
    engine::{Activity, Room},
    names::RevisionNumber,
};

use super::{
    desired::{Desired, Head, Origin, Wanted},
    observed::{Admission, Attempt, Observed, Outcome, RevisionFacts},
    phase::{current_revision, summary},
    retire,
    step::Step,
};

/// How often a piece of work may be cut off by our own death before the revision is given up.
pub const ATTEMPTS_MAX: u32 = 10;

/// How many containers a room holds beside its services: a migration, a second start, the proxy.
const ROOM_SPARE: usize = 3;

/// How long until a preview that waits for a place looks again.
const ADMISSION_RETRY_MS: u64 = 2_000;

/// What to do now, and when to look again if nothing happens before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Every step that may run now, those under way included. A cancellable step that is under way
    /// and not in here is no longer wanted.
    pub run: Vec<Step>,
    /// On the clock that `decide` was given.
    pub wake_at_ms: Option<u64>,
}

/// All steps that may run now. Total: every input has an answer.
pub fn decide(
    desired: &Desired,
    observed: &Observed,
    in_flight: &BTreeSet<Step>,
    now_ms: u64,
) -> Plan {
    let plan = Plan::default();
    let mut planner = Planner {
        desired,
        observed,
        in_flight,
        now_ms,
        plan,
    };
    let current = current_revision(desired, observed);
    let starts_done = current.filter(|revision| observed.addresses(revision).is_some());
    planner.read(starts_done.map(|revision| revision.number));
    match &desired.wanted {
        Wanted::Unread => {}
        Wanted::Nothing(_) => retire::clear(&mut planner),
        Wanted::Serve(_) if desired.clearing => retire::clear(&mut planner),
        Wanted::Serve(head) => {
            planner.serve(head, current);
            retire::superseded(&mut planner, current);
        }
    }
    planner.report();
    planner.plan
}

/// Gathers the plan; the only thing that changes while deciding.
pub(super) struct Planner<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) in_flight: &'a BTreeSet<Step>,
    now_ms: u64,
    plan: Plan,
}

impl Planner<'_> {
    /// Names a step, unless it failed just now: then it is named again when its time has come.
    pub(super) fn want(&mut self, step: Step) {
        match self.observed.setbacks.get(&step.backoff_key()) {
            Some(setback) if setback.retry_at_ms > self.now_ms => {
                self.wake_at(setback.retry_at_ms);
            }
            _ if self.plan.run.contains(&step) => {}
            _ => self.plan.run.push(step),
        }
    }

    fn wake_at(&mut self, at_ms: u64) {
        let soonest = self
            .plan
            .wake_at_ms
            .map_or(at_ms, |before| before.min(at_ms));
        self.plan.wake_at_ms = Some(soonest);
    }

    /// Whether a step of this kind is under way.
    pub(super) fn under_way(&self, kind: impl Fn(&Step) -> bool) -> bool {
        self.in_flight.iter().any(kind)
    }

    /// Names a step whose beginnings are counted, or gives the revision up.
    pub(super) fn attempt(&mut self, revision: &RevisionFacts, attempt: &Attempt, step: Step) {
        let begun = revision.attempts.get(attempt).copied().unwrap_or(0);
        if begun < ATTEMPTS_MAX || self.in_flight.contains(&step) {
            self.want(step);
        } else if revision.outcome.is_none() && !revision.healthy {
            let what = step.word().to_owned();
            self.want(Step::GiveUp {
                revision: revision.number,
                what,
            });
        }
    }

    /// Reads the forge when there is a hint, and once more when a revision is about to serve.
    fn read(&mut self, starts_done: Option<RevisionNumber>) {
        if self.desired.origin == Origin::Local {
            return;
        }
        if let Some(reading) = self
            .in_flight
            .iter()
            .find(|step| matches!(step, Step::ReadPullRequest { .. }))
        {
            self.plan.run.push(reading.clone());
            return;
        }
        let hinted = self.desired.looks_raised > self.desired.looks_applied;
        let unconfirmed = starts_done.is_some_and(|revision| !self.is_confirmed(revision));
        if hinted || unconfirmed {
            let look = self.desired.looks_raised;
            self.want(Step::ReadPullRequest {
                look,
                confirms: starts_done,
            });
        }
    }

    /// Whether the forge answered the last time it was asked.
    fn forge_is_readable(&self) -> bool {
        !self
            .observed
            .setbacks
            .keys()
            .any(|step| matches!(step, Step::ReadPullRequest { .. }))
    }

    fn is_confirmed(&self, revision: RevisionNumber) -> bool {
        self.desired.origin == Origin::Local || self.desired.confirmed >= Some(revision)
    }

    /// Brings the head's revision to serve.
    fn serve(&mut self, head: &Head, current: Option<&RevisionFacts>) {
        match current {
            Some(revision) if revision.outcome.is_none() => {
                self.bring_up(revision);
                self.keep_routed_running(revision.number);
            }
            Some(_) => self.keep_serving(),
            None => self.begin(head),
        }
    }

    fn begin(&mut self, head: &Head) {
        self.keep_serving();
        if !self.forge_is_readable() {
            return;
        }
        match self.observed.admission {
            Admission::Granted => self.want(Step::BeginRevision {
                number: RevisionNumber(self.observed.last_number + 1),
                commit: head.commit.clone(),
                request: self.desired.request,
            }),
            Admission::Waiting { .. } => self.wake_at(self.now_ms + ADMISSION_RETRY_MS),
        }
    }

    /// Keeps the revision that serves alive while the newest one cannot.
    fn keep_serving(&mut self) {
        if let Some(serving) = self.observed.serving() {
            self.bring_up(serving);
        }
    }

    /// Everything that one revision still lacks, in order. Each stage waits for the one before.
    fn bring_up(&mut self, revision: &RevisionFacts) {
        if self.is_leaving(revision.number) {
            return;
        }
        let Some(blueprint) = &revision.blueprint else {
            let step = Step::ReadSource {
                revision: revision.number,
            };
            return self.attempt(revision, &Attempt::Source, step);
        };
        let rooms = self.rooms(revision, blueprint);
        let images = self.images(revision, blueprint);
        let databases = self.databases(revision, blueprint);
        if !(rooms && images && databases && self.migrations(revision, blueprint)) {
            return;
        }
        self.services(revision, blueprint);
        self.serve_when_ready(revision, blueprint);
    }

    /// While a newer revision comes up, the one that serves is kept running where it is.
    fn keep_routed_running(&mut self, newer: RevisionNumber) {
        if let Some(serving) = self.observed.serving()
            && serving.number != newer
            && !self.is_leaving(serving.number)
            && let Some(blueprint) = &serving.blueprint
        {
            self.start_databases(blueprint);
            self.services(serving, blueprint);
            self.serve_when_ready(serving, blueprint);
        }
    }

    /// Whether something of a revision is being taken away; until that is done nothing of it can
    /// be relied on.
    fn is_leaving(&self, number: RevisionNumber) -> bool {
        self.under_way(|step| match step {
            Step::RemoveService { revision, .. } => *revision == number,
            step => removes(step, &Room::Revision(number)),
        })
    }

    fn rooms(&mut self, revision: &RevisionFacts, blueprint: &Blueprint) -> bool {
        let members = blueprint.services.len() + ROOM_SPARE;
        let own = self.room(Room::Revision(revision.number), members);
        if blueprint.databases.is_empty() {
            return own;
        }
        // Two revisions use the databases while one replaces the other.
        let data = self.room(Room::Data, 2 * members + blueprint.databases.len());
        own && data
    }

    fn room(&mut self, room: Room, members: usize) -> bool {
        let there = self.has_room(&room);
        if !there && !self.under_way(|step| removes(step, &room)) {
            self.want(Step::EnsureRoom { room, members });
        }
        there
    }

    /// Whether the room is there, and stays.
    pub(super) fn has_room(&self, room: &Room) -> bool {
        self.observed.rooms.contains(room) && !self.under_way(|step| removes(step, room))
    }

    fn images(&mut self, revision: &RevisionFacts, blueprint: &Blueprint) -> bool {
        let lacks = |service: &&Service| !revision.images.contains_key(&service.name);
        let lacking: Vec<_> = blueprint.services.iter().filter(lacks).collect();
        for service in &lacking {
            let name = service.name.clone();
            let step = Step::Build {
                revision: revision.number,
                service: name.clone(),
            };
            self.attempt(revision, &Attempt::Build(name), step);
        }
        lacking.is_empty()
    }

    fn services(&mut self, revision: &RevisionFacts, blueprint: &Blueprint) {
        for service in &blueprint.services {
            let key = (revision.number, service.name.clone());
            let activity = self.observed.services.get(&key).map(|view| &view.activity);
            let (revision_number, name) = key;
            let step = Step::StartService {
                revision: revision_number,
                service: name.clone(),
            };
            match activity {
                Some(Activity::Running) => {}
                Some(Activity::Exited { .. })
                    if !revision.healthy && !self.in_flight.contains(&step) =>
                {
                    self.want(Step::Explain {
                        revision: revision_number,
                        service: name,
                    });
                }
                _ => self.attempt(revision, &Attempt::Start(name), step),
            }
        }
    }

    /// Probe, compare the head once more, swap: in this order, and the swap only for addresses at
    /// which the revision was seen ready.
    fn serve_when_ready(&mut self, revision: &RevisionFacts, blueprint: &Blueprint) {
        let Some(addresses) = self.observed.addresses(revision) else {
            return;
        };
        let public: std::collections::BTreeMap<_, _> = blueprint
            .services
            .iter()
            .filter(|service| service.public)
            .filter_map(|service| Some((service.name.clone(), *addresses.get(&service.name)?)))
            .collect();
        let routed =
            self.observed.route.as_ref().is_some_and(|route| {
                route.revision == revision.number && route.addresses == public
            });
        if routed && self.observed.in_doubt.is_empty() {
            return;
        }
        if self.observed.ready.get(&revision.number) != Some(&addresses) {
            let step = Step::Probe {
                revision: revision.number,
            };
            self.attempt(revision, &Attempt::Probe, step);
        } else if self.is_confirmed(revision.number) {
            let step = Step::Route {
                revision: revision.number,
            };
            // Two changes of the route could arrive in either order.
            let other = |other: &Step| other.changes_route() && *other != step;
            if !self.under_way(other) && !self.plan.run.iter().any(other) {
                self.want(step);
            }
        }
    }

    /// Tells the forge when what it was told last is no longer true.
    fn report(&mut self) {
        let told = self.desired.origin == Origin::PullRequest
            && !matches!(self.desired.wanted, Wanted::Unread);
        if !told {
            return;
        }
        if let Some(telling) = self
            .in_flight
            .iter()
            .find(|s| matches!(s, Step::Report { .. }))
        {
            self.plan.run.push(telling.clone());
            return;
        }
        let key = summary(self.desired, self.observed).key();
        if self.observed.reported.as_ref() != Some(&key) {
            self.want(Step::Report { key });
        }
    }
}

fn removes(step: &Step, room: &Room) -> bool {
    matches!(step, Step::RemoveRoom { room: other } if other == room)
}

/// Whether a revision still has a claim on what it has in the engine.
pub(super) fn is_alive(revision: &RevisionFacts) -> bool {
    !matches!(
        revision.outcome,
        Some(Outcome::Failed(_) | Outcome::Superseded | Outcome::Retired)
    )
}
