//! The modelled control plane: looks, decides, begins steps, takes note of their ends; and dies.
//!
//! It does what the worker does, without waiting for anything real. What it remembers between
//! looks is lost when it dies.

use std::collections::BTreeSet;

use orchestrator::lifecycle::{Admission, Observed, Outcome, Phase, Step, decide, summary};

use super::{
    effect::{self, Effect, Stop},
    process::{Control, Flight},
    store::diagnosis,
    words,
    world::{Event, World},
};

/// A look at least this often.
const RECONCILE_AT_LEAST_MS: u64 = 30_000;
/// How long to wait before looking again when nothing could be seen.
const BLIND_RETRY_MS: u64 = 500;
impl World {
    /// Starts the control plane: routes are taken over from the proxy, nothing else is known.
    pub(super) fn restart(&mut self) {
        if self.control.is_some() {
            return;
        }
        self.say(|| "control plane starts".to_owned());
        let mut control = Control::new(self.now);
        control.observed.route = self.proxy.route.clone();
        self.control = Some(control);
        self.store.desired.refresh_requested += self.rng.below(2);
        self.wake();
    }

    /// Kills the control plane. What was under way may still appear in the engine.
    pub(super) fn crash(&mut self) {
        let Some(control) = self.control.take() else {
            return;
        };
        self.say(|| "control plane dies".to_owned());
        self.tally.crashes += 1;
        for flight in control.flights.into_values() {
            self.abandon(&flight);
        }
        let wait = 100 + self.rng.below(4_000);
        self.after(wait, Event::Restart);
    }

    /// The call that was under way may be done though nobody waits for its answer.
    fn abandon(&mut self, flight: &Flight) {
        let Some(next) = flight.rest.front() else {
            return;
        };
        if next.may_come_late() && self.rng.percent(30) {
            let mut late = next.clone();
            late.bind(&flight.found);
            let wait = self.rng.below(300);
            self.after(wait, Event::Late(late));
        }
    }

    /// A wake-up: everything is looked at anew.
    pub(super) fn wake(&mut self) {
        if let Some(control) = &mut self.control {
            control.view_at = None;
            self.reconcile();
        }
    }

    /// One look, one decision, and the beginning of what was decided.
    pub(super) fn reconcile(&mut self) {
        let Some(mut control) = self.control.take() else {
            return;
        };
        self.reconcile_as(&mut control);
        self.control = Some(control);
    }

    fn reconcile_as(&mut self, control: &mut Control) {
        if control.view_at.is_none() {
            if self.now < self.engine.away_until {
                control.wake_at = self.now + BLIND_RETRY_MS;
                return;
            }
            self.engine.show(&mut control.observed);
            control.view_at = Some(self.now);
            if !self.engine.objects.is_empty() {
                control.observed.empty_checks = 0;
            }
        }
        self.tally.looks += 1;
        let observed = &mut control.observed;
        observed.last_number = self.store.last_number();
        observed.generations.clone_from(&self.store.generations);
        observed.last_generation = self.store.last_generation;
        observed.reported.clone_from(&self.store.reported);
        observed.records = self.store.records;
        observed.announced = self.proxy.announced;
        observed.admission = self.admission(control.has_place);
        observed.revisions = std::mem::take(&mut self.store.revisions);
        let since = observed
            .serving()
            .and_then(|serving| self.store.served_at.get(&serving.number));
        observed.undo_is_over = since.is_some_and(|since| self.now > since + self.undo_ms);
        let told = summary(&self.store.desired, &control.observed);
        control.observed.report = Some(words::report_key(&told));
        let plan = decide(
            &self.store.desired,
            &control.observed,
            &control.in_flight,
            self.now,
        );
        self.store.revisions = std::mem::take(&mut control.observed.revisions);
        let named: BTreeSet<Step> = plan.run.into_iter().collect();
        control.named = named.len();
        self.cancel_unnamed(control, &named);
        control.forget_backoffs(&named, self.now);
        let ends = matches!(told.phase, Phase::Closing | Phase::Gone);
        let deploys = !ends && told.head.is_some() && told.revision.is_some();
        for step in named {
            if !control.in_flight.contains(&step) {
                self.begin(control, step, deploys);
            }
        }
        let latest = self.now + RECONCILE_AT_LEAST_MS;
        control.wake_at = plan
            .wake_at_ms
            .map_or(latest, |at| at.min(latest))
            .max(self.now + 1);
    }

    /// What the control plane last saw, with what is written down since.
    pub(super) fn observed(&self) -> Option<Observed> {
        let mut observed = self.control.as_ref()?.observed.clone();
        observed.revisions.clone_from(&self.store.revisions);
        observed.generations.clone_from(&self.store.generations);
        observed.records = self.store.records;
        Some(observed)
    }

    /// Places for awake previews are short now and then.
    fn admission(&mut self, has_place: bool) -> Admission {
        if !self.calm && self.store.revisions.is_empty() && self.rng.percent(10) {
            return Admission::Waiting { before: 1 };
        }
        match has_place {
            true => Admission::Granted,
            false => Admission::Due,
        }
    }

    fn cancel_unnamed(&mut self, control: &mut Control, named: &BTreeSet<Step>) {
        let unnamed: Vec<u64> = control
            .flights
            .iter()
            .filter(|(_, f)| f.step.is_cancellable() && !f.cancelled && !named.contains(&f.step))
            .map(|(id, _)| *id)
            .collect();
        for id in unnamed {
            let Some(flight) = control.flights.get_mut(&id) else {
                continue;
            };
            flight.cancelled = true;
            let flight = &control.flights[&id];
            self.say(|| format!("cancelled: {:?}", flight.step));
            self.abandon(flight);
            if let Some(run) = flight.found.run {
                let wait = self.rng.below(300);
                self.after(wait, Event::Late(Effect::RunRemove(run)));
            }
            let wait = self.rng.below(5);
            self.after(wait, Event::Flight(id));
        }
    }

    fn begin(&mut self, control: &mut Control, step: Step, deploys: bool) {
        self.say(|| format!("begins: {step:?}"));
        self.tally.steps += 1;
        self.check_begin(control, &step);
        self.store.begin_attempt(&step);
        let rest = effect::parts(&step, deploys);
        let fails = !self.calm && self.rng.percent(8);
        let fails_at = fails.then(|| self.rng.index(rest.len() + 1));
        let head = self.store.desired.target().cloned();
        let facts = step
            .revision()
            .and_then(|number| self.store.revision(number));
        let addresses = facts.and_then(|facts| control.observed.addresses(facts));
        let found = effect::Found {
            addresses: addresses.unwrap_or_default(),
            ..Default::default()
        };
        let id = self.engine.fresh_number();
        control.in_flight.insert(step.clone());
        let flight = Flight {
            step,
            rest,
            done: 0,
            fails_at,
            cancelled: false,
            began_at: self.now,
            view_at: control.view_at.unwrap_or(self.now),
            head,
            answer: None,
            found,
        };
        control.flights.insert(id, flight);
        let wait = self.rng.wait_ms();
        self.after(wait, Event::Flight(id));
    }

    /// A step under way does its next part.
    pub(super) fn go_on(&mut self, id: u64) {
        let Some(mut control) = self.control.take() else {
            return;
        };
        let Some(mut flight) = control.flights.remove(&id) else {
            self.control = Some(control);
            return;
        };
        match self.progress(&mut control, &mut flight) {
            Some(wait) => {
                control.flights.insert(id, flight);
                self.after(wait, Event::Flight(id));
                self.control = Some(control);
            }
            None => {
                self.control = Some(control);
                self.reconcile();
            }
        }
    }

    /// How long until it goes on; nothing when it ended.
    fn progress(&mut self, control: &mut Control, flight: &mut Flight) -> Option<u64> {
        loop {
            if flight.cancelled {
                self.store.end_attempt(&flight.step);
                control.in_flight.remove(&flight.step);
                control.view_at = None;
                return None;
            }
            let next = match flight.fails_at {
                Some(at) if at == flight.done => Err(Stop::Again("a fault")),
                _ => match flight.rest.front().cloned() {
                    None => {
                        self.ended(control, flight, Ok(()));
                        return None;
                    }
                    Some(effect) => self.apply(effect, Some(&mut *flight), Some(&mut *control)),
                },
            };
            match next {
                Ok(()) => {
                    flight.rest.pop_front();
                    flight.done += 1;
                }
                Err(Stop::Wait(wait)) => return Some(wait),
                Err(stop) => {
                    self.ended(control, flight, Err(stop));
                    return None;
                }
            }
            if self.rng.percent(35) {
                return Some(self.rng.wait_ms());
            }
        }
    }

    fn ended(&mut self, control: &mut Control, flight: &Flight, result: Result<(), Stop>) {
        let step = &flight.step;
        self.say(|| format!("ended {result:?}: {step:?}"));
        control.in_flight.remove(step);
        if step.touches_engine() {
            control.view_at = None;
        }
        match result {
            Ok(()) => {
                control.observed.backoffs.remove(&step.backoff_key());
                control.learn(flight);
            }
            Err(Stop::Verdict(code)) => {
                self.store.end_attempt(step);
                control.observed.backoffs.remove(&step.backoff_key());
                let facts = step
                    .revision()
                    .and_then(|number| self.store.revision(number));
                match facts.map(|facts| (facts.number, facts.healthy)) {
                    // What served once is not at fault as a whole; it is tried again.
                    Some((_, true)) => control.failed(step, self.now, code),
                    Some((number, false)) => {
                        let outcome = Outcome::Failed(diagnosis(code));
                        self.store.set_outcome(number, outcome);
                    }
                    None => {}
                }
            }
            Err(Stop::Again(reason)) => {
                self.store.end_attempt(step);
                control.view_at = None;
                control.failed(step, self.now, reason);
                if let Step::Route { revision } = step {
                    control.observed.in_doubt.insert(*revision);
                    control.observed.drained.remove(revision);
                }
            }
            Err(Stop::Wait(_)) => {}
        }
    }
}
