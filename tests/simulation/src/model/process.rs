//! What lives in the control plane's process: what it saw, what it remembers, what is under way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use deploy::names::CommitSha;
use orchestrator::lifecycle::{Answer, Backoff, Observed, Step};

use super::effect::{Effect, Found};

/// A step under way.
#[derive(Debug)]
pub(super) struct Flight {
    /// The step.
    pub(super) step: Step,
    /// What it still has to do.
    pub(super) rest: VecDeque<Effect>,
    /// How much of it was done.
    pub(super) done: usize,
    /// It fails when that much was done.
    pub(super) fails_at: Option<usize>,
    /// It was dropped.
    pub(super) cancelled: bool,
    /// When it began.
    pub(super) began_at: u64,
    /// When the engine was seen on which it was decided.
    pub(super) view_at: u64,
    /// The head on which it was decided.
    pub(super) head: Option<CommitSha>,
    /// What the forge answered.
    pub(super) answer: Option<Answer>,
    /// What it was about to know: addresses, an image, a run.
    pub(super) found: Found,
}

/// What lives in the process.
#[derive(Debug)]
pub(super) struct Control {
    /// What it last saw, with what it remembers in the same places.
    pub(super) observed: Observed,
    /// When it saw the engine, until something may have changed there.
    pub(super) view_at: Option<u64>,
    /// Steps under way, by the number of their flight.
    pub(super) flights: BTreeMap<u64, Flight>,
    /// The same, as `decide` is told.
    pub(super) in_flight: BTreeSet<Step>,
    /// Whether the preview holds a place.
    pub(super) has_place: bool,
    /// When it looks again.
    pub(super) wake_at: u64,
    /// How many steps the last decision named.
    pub(super) named: usize,
}

impl Control {
    pub(super) fn new(now: u64) -> Self {
        Self {
            observed: Observed::nothing(),
            view_at: None,
            flights: BTreeMap::new(),
            in_flight: BTreeSet::new(),
            has_place: false,
            wake_at: now,
            named: 0,
        }
    }

    pub(super) fn failed(&mut self, step: &Step, now: u64, reason: &str) {
        let key = step.backoff_key();
        let backoffs = &mut self.observed.backoffs;
        let backoff = Backoff::after(backoffs.get(&key), now, reason.to_owned(), None);
        backoffs.insert(key, backoff);
    }

    /// Forgets backoffs of steps that are no longer wanted.
    pub(super) fn forget_backoffs(&mut self, named: &BTreeSet<Step>, now: u64) {
        self.observed.backoffs.retain(|step, backoff| {
            backoff.retry_at_ms > now || named.iter().any(|n| n.backoff_key() == *step)
        });
    }

    pub(super) fn learn(&mut self, flight: &Flight) {
        match &flight.step {
            Step::Probe { revision } => {
                let addresses = flight.found.addresses.clone();
                self.observed.ready.insert(*revision, addresses);
            }
            Step::StartService { revision, .. } => drop(self.observed.ready.remove(revision)),
            Step::Drain { revision } => drop(self.observed.drained.insert(*revision)),
            Step::Route { revision } => {
                self.observed.drained.remove(revision);
                self.observed.in_doubt.clear();
            }
            Step::Unroute => self.observed.in_doubt.clear(),
            Step::ConfirmEmpty { seen } => self.observed.empty_checks = seen + 1,
            Step::ConfirmGone => self.forget(),
            _ => {}
        }
    }

    /// What a worker of its own would not know any more.
    pub(super) fn forget(&mut self) {
        self.has_place = false;
        self.observed.ready.clear();
        self.observed.drained.clear();
        self.observed.backoffs.clear();
        self.observed.empty_checks = 0;
        self.view_at = None;
    }
}
