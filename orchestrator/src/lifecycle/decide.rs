//! The runbook: decides which steps may run now.

use std::collections::BTreeSet;

use deploy::{
    blueprint::{Blueprint, Service},
    engine::{ContainerState, Network},
    names::{Generation, RevisionNumber},
};

use super::{
    desired::{Desired, Head, Origin, Wanted},
    observed::{Admission, Observed, RevisionFacts},
    phase::current_revision,
    planner::{Plan, Planner},
    retire,
    step::Step,
};

/// Containers that a network holds beside its services: a migration, a second start, the proxy.
const NETWORK_SPARE: usize = 3;

/// How long a preview that waits for a place waits before the next check, in milliseconds.
const ADMISSION_RETRY_MS: u64 = 2_000;

/// All steps that may run now. Total: every input gives a plan.
pub fn decide(
    desired: &Desired,
    observed: &Observed,
    in_flight: &BTreeSet<Step>,
    now_ms: u64,
) -> Plan {
    let mut planner = Planner::new(desired, observed, in_flight, now_ms);
    if !observed.announced {
        planner.want(Step::Announce);
    }
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

impl Planner<'_> {
    /// Reads the forge after a hint, and again when a revision is about to serve.
    fn read(&mut self, starts_done: Option<RevisionNumber>) {
        if !self.desired.origin.asks_forge() {
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
        let hinted = self.desired.refresh_requested > self.desired.refresh_applied;
        let unconfirmed = starts_done.is_some_and(|revision| !self.is_confirmed(revision));
        if hinted || unconfirmed {
            let refresh = self.desired.refresh_requested;
            self.want(Step::ReadPullRequest {
                refresh,
                confirms: starts_done,
            });
        }
    }

    /// Whether the last read of the forge succeeded.
    fn forge_is_readable(&self) -> bool {
        !self
            .observed
            .backoffs
            .keys()
            .any(|step| matches!(step, Step::ReadPullRequest { .. }))
    }

    fn is_confirmed(&self, revision: RevisionNumber) -> bool {
        !self.desired.origin.asks_forge() || self.desired.confirmed >= Some(revision)
    }

    /// Brings the head's revision to serve.
    fn serve(&mut self, head: &Head, current: Option<&RevisionFacts>) {
        // What never runs takes no place.
        if self.observed.admission == Admission::Due && self.desired.origin != Origin::Capture {
            self.want(Step::TakePlace);
        }
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
        let admission = self.observed.admission;
        if admission == Admission::Granted || self.desired.origin == Origin::Capture {
            self.want(Step::BeginRevision {
                number: RevisionNumber(self.observed.last_number + 1),
                commit: self.desired.target().unwrap_or(&head.commit).clone(),
                request: self.desired.request,
            });
        } else if matches!(admission, Admission::Waiting { .. }) {
            self.wake_at(self.now_ms + ADMISSION_RETRY_MS);
        }
    }

    /// Keeps the serving revision running while the newest one cannot serve.
    fn keep_serving(&mut self) {
        if let Some(serving) = self.observed.serving() {
            self.bring_up(serving);
        }
    }

    /// Plans everything that a revision still lacks, in order. Each stage waits for the one before.
    fn bring_up(&mut self, revision: &RevisionFacts) {
        // The revision's record may not be complete yet.
        let begins = |step: &Step| matches!(step, Step::BeginRevision { number, .. } if *number == revision.number);
        if self.is_leaving(revision.number) || self.under_way(begins) {
            return;
        }
        let Some(blueprint) = &revision.blueprint else {
            let step = Step::ReadSource {
                revision: revision.number,
            };
            return self.attempt(revision, step);
        };
        if self.desired.origin == Origin::Capture {
            return self.keep_running(revision, blueprint);
        }
        let images = self.images(revision, blueprint);
        let generation = match blueprint.databases.is_empty() {
            true => None,
            false => self.generation(revision, blueprint, images),
        };
        let networks = self.networks(revision, blueprint, generation);
        let databases = match generation {
            Some(generation) => self.databases(revision, blueprint, generation, images),
            None => blueprint.databases.is_empty(),
        };
        if !(networks && images && databases && self.migrations(revision, blueprint)) {
            return;
        }
        self.services(revision, blueprint);
        self.serve_when_ready(revision, blueprint);
    }

    /// Keeps the serving revision running while a newer one starts.
    fn keep_routed_running(&mut self, newer: RevisionNumber) {
        if let Some(serving) = self.observed.serving()
            && serving.number != newer
            && !self.is_leaving(serving.number)
            && let Some(blueprint) = &serving.blueprint
            && self.networks(serving, blueprint, serving.generation)
        {
            self.start_databases(serving, blueprint);
            self.services(serving, blueprint);
            self.serve_when_ready(serving, blueprint);
        }
    }

    /// Whether some part of a revision is being removed; until then, none of its parts can be
    /// relied on.
    fn is_leaving(&self, number: RevisionNumber) -> bool {
        self.under_way(|step| match step {
            Step::RemoveService { revision, .. } => *revision == number,
            step => removes(step, &Network::Revision(number)),
        })
    }

    /// Plans the parts of a capture: images and data, but no containers.
    fn keep_running(&mut self, revision: &RevisionFacts, blueprint: &Blueprint) {
        let images = self.images(revision, blueprint);
        if !blueprint.databases.is_empty()
            && let Some(generation) = self.generation(revision, blueprint, images)
        {
            self.data(revision, blueprint, generation, images);
        }
    }

    fn networks(
        &mut self,
        revision: &RevisionFacts,
        blueprint: &Blueprint,
        generation: Option<Generation>,
    ) -> bool {
        let members = blueprint.services.len() + NETWORK_SPARE;
        let alone = blueprint.services.is_empty();
        let own = alone || self.network(Network::Revision(revision.number), members);
        // Two revisions use the databases while one replaces the other.
        let data = generation.is_none_or(|generation| {
            let members = 2 * members + blueprint.databases.len();
            self.network(Network::Data(generation), members)
        });
        own && data
    }

    fn network(&mut self, network: Network, members: usize) -> bool {
        let there = self.has_network(&network);
        if !there && !self.under_way(|step| removes(step, &network)) {
            self.want(Step::EnsureNetwork { network, members });
        }
        there
    }

    /// Whether the network exists and is not being removed.
    pub(super) fn has_network(&self, network: &Network) -> bool {
        self.observed.networks.contains(network) && !self.under_way(|step| removes(step, network))
    }

    fn images(&mut self, revision: &RevisionFacts, blueprint: &Blueprint) -> bool {
        let lacks = |service: &&Service| !revision.images.contains_key(&service.name);
        let lacking: Vec<_> = blueprint.services.iter().filter(lacks).collect();
        // A build may reuse an existing image, which must not be removed meanwhile.
        let leaving = self.under_way(|step| matches!(step, Step::RemoveImage { .. }));
        for (at, service) in lacking.iter().enumerate() {
            // Services that are built from the same are built once, on behalf of the first.
            if lacking[..at]
                .iter()
                .any(|first| first.image == service.image)
            {
                continue;
            }
            let step = Step::Build {
                revision: revision.number,
                service: service.name.clone(),
            };
            if !leaving || self.in_flight.contains(&step) {
                self.attempt(revision, step);
            }
        }
        if self.observed.build_wait.is_some() {
            self.wake_at(self.now_ms + ADMISSION_RETRY_MS);
        }
        lacking.is_empty()
    }

    fn services(&mut self, revision: &RevisionFacts, blueprint: &Blueprint) {
        for service in &blueprint.services {
            let key = (revision.number, service.name.clone());
            let state = self.observed.services.get(&key).map(|view| &view.state);
            let (revision_number, name) = key;
            let step = Step::StartService {
                revision: revision_number,
                service: name.clone(),
            };
            match state {
                Some(ContainerState::Running) => {}
                Some(ended @ ContainerState::Exited { .. })
                    if !revision.healthy
                        && !was_stopped(ended)
                        && !self.in_flight.contains(&step) =>
                {
                    self.want(Step::Explain {
                        revision: revision_number,
                        service: name,
                    });
                }
                _ => self.attempt(revision, step),
            }
        }
    }

    /// Probes, compares the head again, and swaps the route, in this order. Swaps only to addresses
    /// at which the revision was seen ready.
    fn serve_when_ready(&mut self, revision: &RevisionFacts, blueprint: &Blueprint) {
        let probe = Step::Probe {
            revision: revision.number,
        };
        let Some(addresses) = self.observed.addresses(revision) else {
            // A container that the engine is about to restart has no address.
            if self.observed.runs(revision) {
                self.attempt(revision, probe);
            }
            return;
        };
        // A start under way invalidates an earlier probe.
        let starts = |step: &Step| matches!(step, Step::StartService { revision: number, .. } if *number == revision.number);
        if self.under_way(starts) {
            return;
        }
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
        // A restarted service must be probed again, even if it already serves.
        let ready = self.observed.ready.get(&revision.number) == Some(&addresses);
        let settled = routed && self.observed.in_doubt.is_empty();
        if !ready {
            self.attempt(revision, probe);
        } else if !settled && self.is_confirmed(revision.number) {
            let step = Step::Route {
                revision: revision.number,
            };
            // Two route changes at the same time could take effect in either order.
            let other = |other: &Step| other.changes_route() && *other != step;
            if !self.under_way(other) && !self.plan.run.iter().any(other) {
                self.want(step);
            }
        }
    }

    /// Reports to the forge when its last report is out of date.
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
        let due = self.observed.report.as_ref();
        if let Some(key) = due.filter(|key| self.observed.reported.as_ref() != Some(*key)) {
            let key = key.clone();
            self.want(Step::Report { key });
        }
    }
}

fn removes(step: &Step, network: &Network) -> bool {
    matches!(step, Step::RemoveNetwork { network: other } if other == network)
}

/// Whether a container was killed from outside (by the engine or a user), which says nothing about
/// the application in it.
fn was_stopped(state: &ContainerState) -> bool {
    const KILLED: i64 = 128 + 9;
    const TERMINATED: i64 = 128 + 15;
    matches!(
        state,
        ContainerState::Exited {
            exit_code: KILLED | TERMINATED,
            out_of_memory: false
        }
    )
}
