//! Collects the plan of `decide` and its parts.

use std::collections::BTreeSet;

use super::{
    desired::Desired,
    observed::{Observed, RevisionFacts},
    step::Step,
};

/// How often a crash of the server may interrupt a step before the server gives up on the revision.
pub const ATTEMPTS_MAX: u32 = 10;

/// The steps to run now, and the time of the next check if nothing happens before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Every step that may run now, including those under way. A cancellable step that is under way
    /// but not planned is cancelled.
    pub run: Vec<Step>,
    /// The time of the next check, in milliseconds on the clock that `decide` was given.
    pub wake_at_ms: Option<u64>,
}

/// Collects the plan; the only mutable state of a decision.
pub(super) struct Planner<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) in_flight: &'a BTreeSet<Step>,
    pub(super) now_ms: u64,
    pub(super) plan: Plan,
}

impl<'a> Planner<'a> {
    /// A planner with an empty plan.
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

    /// Plans a step. If it failed recently, plans a wake-up for its retry instead.
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

    /// Plans a step whose attempts are counted, or gives up on the revision.
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
