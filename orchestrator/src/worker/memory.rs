//! State that a worker keeps between reconciliations, and may lose without harm.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use deploy::{
    engine::Observation,
    names::{RevisionNumber, ServiceName},
};

use crate::lifecycle::{Backoff, Step};

#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Addresses at which a revision was seen ready.
    pub(super) ready: BTreeMap<RevisionNumber, BTreeMap<ServiceName, SocketAddr>>,
    /// Revisions with nothing in flight.
    pub(super) drained: BTreeSet<RevisionNumber>,
    /// Revisions that may get visitors although the routes do not say so: the proxy may have taken
    /// a new table, but its answer was lost.
    pub(super) in_doubt: BTreeSet<RevisionNumber>,
    /// Steps that failed.
    pub(super) backoffs: BTreeMap<Step, Backoff>,
    /// Steps under way that are past their deadline.
    pub(super) late: BTreeSet<Step>,
    /// How many checks in a row found the engine empty.
    pub(super) empty_checks: u32,
    /// The engine's objects; none once they may have changed.
    pub(super) engine: Option<Observation>,
}

impl Memory {
    /// Records that a step failed and when to retry it. `retry_after_ms` is the delay that the
    /// other side asked for, if any.
    pub(super) fn failed(
        &mut self,
        step: &Step,
        now_ms: u64,
        reason: String,
        retry_after_ms: Option<u64>,
    ) {
        let key = step.backoff_key();
        let backoff = Backoff::after(self.backoffs.get(&key), now_ms, reason, retry_after_ms);
        self.backoffs.insert(key, backoff);
    }

    pub(super) fn succeeded(&mut self, step: &Step) {
        self.backoffs.remove(&step.backoff_key());
    }

    /// Forgets the backoffs for which `kept` is false.
    pub(super) fn forget_backoffs_but(&mut self, kept: impl Fn(&Step, &Backoff) -> bool) {
        self.backoffs.retain(|step, backoff| kept(step, backoff));
    }
}
