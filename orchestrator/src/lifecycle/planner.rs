//! What `decide` and its parts write their plan into.

use std::collections::BTreeSet;

use super::{
    desired::Desired,
    observed::{Observed, RevisionFacts},
    step::Step,
};

/// How often a piece of work may be cut off by our own death before the revision is given up.
pub const ATTEMPTS_MAX: u32 = 10;

/// What to do now, and when to look again if nothing happens before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Every step that may run now, those under way included. A cancellable step that is under way
    /// and not in here is no longer wanted.
    pub run: Vec<Step>,
    /// On the clock that `decide` was given.
    pub wake_at_ms: Option<u64>,
}

/// Gathers the plan; the only thing that changes while deciding.
pub(super) struct Planner<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) in_flight: &'a BTreeSet<Step>,
    pub(super) now_ms: u64,
    pub(super) plan: Plan,
}

impl<'a> Planner<'a> {
    /// With nothing planned yet.
    pub(super) fn new(
        desired: &'a Desired,
        observed: &'a Observed,
        in_flight: &'a BTreeSet<Step>,
        now_ms: u64,
    ) -> Self {
        let plan = Plan::default();
        Self {
            desired,
            observed,
            in_flight,
            now_ms,
            plan,
        }
    }

    /// Names a step, unless it failed just now: then it is named again when its time has come.
    pub(super) fn want(&mut self, step: Step) {
        match self.observed.backoffs.get(&step.backoff_key()) {
            Some(backoff) if backoff.retry_at_ms > self.now_ms => {
                self.wake_at(backoff.retry_at_ms);
            }
            _ if self.plan.run.contains(&step) => {}
            _ => self.plan.run.push(step),
        }
    }

    pub(super) fn wake_at(&mut self, at_ms: u64) {
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
    pub(super) fn attempt(&mut self, revision: &RevisionFacts, step: Step) {
        let counted = step.facts().attempt();
        let begun = counted.and_then(|(_, attempt)| revision.attempts.get(&attempt).copied());
        let begun = begun.unwrap_or(0);
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
}
