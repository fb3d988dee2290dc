//! The loop of a worker: observe, decide, start steps, wait.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use deploy::names::PreviewId;
use tokio::{
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    memory::Memory,
    observe, perform,
    perform::{Effect, Ended, StepError},
    preview_state::{PreviewState, UnderWay},
    signal::Signal,
    workers::Workers,
};
use crate::{
    clock::{Steady, wall_ms},
    lifecycle::{Outcome, Phase, Step, decide},
    store::EventRow,
};

/// How long to wait before the next attempt when the preview cannot be observed.
const BLIND_RETRY: Duration = Duration::from_millis(500);
/// A worker reconciles this often even when nothing wakes it.
const RECONCILE_AT_LEAST: Duration = Duration::from_secs(30);

/// Drives one preview until nothing is left of it and no one asks for it.
pub(super) async fn run(
    workers: Workers,
    preview: PreviewId,
    signal: Arc<Signal>,
    stop: CancellationToken,
) {
    let span = tracing::info_span!("preview", %preview);
    let worker = Worker {
        workers,
        preview,
        signal,
        memory: Memory::default(),
        clock: Steady::start(),
        steps: JoinSet::new(),
        in_flight: BTreeMap::new(),
        state: None,
    };
    worker.drive(stop).instrument(span).await;
}

/// A step in progress.
struct InFlight {
    handle: AbortHandle,
    since: Instant,
    /// When it is late; none for a step that is dropped at its deadline.
    late_at: Option<Instant>,
}

struct Worker {
    workers: Workers,
    preview: PreviewId,
    signal: Arc<Signal>,
    memory: Memory,
    clock: Steady,
    steps: JoinSet<(Step, Ended)>,
    in_flight: BTreeMap<Step, InFlight>,
    state: Option<Arc<PreviewState>>,
}

impl Worker {
    async fn drive(mut self, stop: CancellationToken) {
        loop {
            let wake_at = self.reconcile().await;
            if self.may_end() && self.workers.retire(&self.preview, &self.signal) {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => return self.wind_down().await,
                () = self.signal.wait() => self.memory.engine = None,
                Some(joined) = self.steps.join_next_with_id() => self.take_ended(joined).await,
                () = tokio::time::sleep_until(wake_at) => self.memory.engine = None,
            }
            while let Some(joined) = self.steps.try_join_next_with_id() {
                self.take_ended(joined).await;
            }
        }
    }

    /// Observes once and decides once; returns the latest time of the next reconciliation.
    async fn reconcile(&mut self) -> Instant {
        self.note_late_steps();
        let latest = Instant::now() + RECONCILE_AT_LEAST;
        let ports = Arc::clone(self.workers.ports());
        let state = match observe::observe(&ports, &self.preview, &mut self.memory).await {
            Ok(Some(state)) => Arc::new(state),
            Ok(None) => return latest,
            Err(error) => {
                tracing::warn!(
                    %error,
                    "cannot observe the preview; reconciliation is paused until this works"
                );
                return Instant::now() + BLIND_RETRY;
            }
        };
        ports.board.put(Arc::clone(&state));
        let in_flight: BTreeSet<Step> = self.in_flight.keys().cloned().collect();
        let now_ms = self.clock.now_ms();
        let plan = decide(&state.row.desired, &state.observed, &in_flight, now_ms);
        let named: BTreeSet<Step> = plan.run.into_iter().collect();
        self.cancel_unnamed(&named);
        self.memory.forget_backoffs_but(|step, backoff| {
            backoff.retry_at_ms > now_ms || named.iter().any(|named| named.backoff_key() == *step)
        });
        self.state = Some(Arc::clone(&state));
        for step in named {
            if !self.in_flight.contains_key(&step) {
                self.start(step, Arc::clone(&state));
            }
        }
        plan.wake_at_ms
            .map_or(latest, |at| self.clock.instant(at).min(latest))
    }

    /// Marks steps that cannot be dropped and are past their deadline. They continue, are shown as late, and
    /// get no second attempt.
    fn note_late_steps(&mut self) {
        let now = Instant::now();
        for (step, flight) in &self.in_flight {
            let is_late = flight.late_at.is_some_and(|at| at <= now);
            if is_late && self.memory.late.insert(step.clone()) {
                let seconds = flight.since.elapsed().as_secs();
                tracing::warn!(
                    step = step.word(),
                    seconds,
                    "step is past its deadline; it continues, and no second attempt begins"
                );
            }
        }
    }

    fn cancel_unnamed(&self, named: &BTreeSet<Step>) {
        for (step, InFlight { handle, .. }) in &self.in_flight {
            if step.is_cancellable() && !named.contains(step) {
                tracing::info!(
                    step = step.word(),
                    "step cancelled: the plan does not need it"
                );
                handle.abort();
            }
        }
    }

    fn start(&mut self, step: Step, state: Arc<PreviewState>) {
        tracing::debug!(step = step.word(), revision = ?step.revision(), "step begins");
        let ports = Arc::clone(self.workers.ports());
        let preview = self.preview.clone();
        let task = {
            let step = step.clone();
            async move {
                let ended = perform::perform(&ports, &preview, &step, &state).await;
                (step, ended)
            }
        };
        let handle = self.steps.spawn(task.in_current_span());
        let since = Instant::now();
        let late_at = match step.is_cancellable() {
            true => None,
            false => perform::deadline(&self.workers.ports().settings.limits, &step)
                .map(|deadline| since + deadline),
        };
        let flight = InFlight {
            handle,
            since,
            late_at,
        };
        self.in_flight.insert(step, flight);
        self.tell_under_way();
    }

    fn tell_under_way(&self) {
        let step = |(step, flight): (&Step, &InFlight)| UnderWay {
            title: step.facts().title(),
            since: flight.since,
        };
        let steps = self.in_flight.iter().map(step).collect();
        let board = &self.workers.ports().board;
        board.put_under_way(&self.preview, steps);
    }

    /// Handles a step that ended.
    async fn take_ended(&mut self, joined: Result<(Id, (Step, Ended)), JoinError>) {
        match joined {
            Ok((_, (step, ended))) => {
                self.leave_flight(&step);
                self.note(&step, ended).await;
            }
            Err(error) => {
                let of = |(_, flight): &(&Step, &InFlight)| flight.handle.id() == error.id();
                let step = self.in_flight.iter().find(of).map(|(step, _)| step.clone());
                if let Some(step) = step {
                    self.leave_flight(&step);
                    self.cut_off(&step, &error).await;
                }
            }
        }
    }

    fn leave_flight(&mut self, step: &Step) {
        self.in_flight.remove(step);
        self.memory.late.remove(step);
        self.tell_under_way();
    }

    /// Handles a step that was cancelled, or that panicked.
    async fn cut_off(&mut self, step: &Step, error: &JoinError) {
        self.memory.engine = None;
        if error.is_panic() {
            tracing::error!(step = step.word(), %error, "step panicked; it will be retried");
            let now_ms = self.clock.now_ms();
            self.memory.failed(
                step,
                now_ms,
                "internal error; see the server's log".into(),
                None,
            );
            return;
        }
        perform::end_attempt(self.workers.ports(), &self.preview, step).await;
        self.event(step, 0, Some("cancelled".to_owned())).await;
    }

    async fn note(&mut self, step: &Step, ended: Ended) {
        if step.touches_engine() {
            self.memory.engine = None;
        }
        let took_ms = u64::try_from(ended.took.as_millis()).unwrap_or(u64::MAX);
        match ended.result {
            Ok(effect) => {
                self.memory.succeeded(step);
                self.learn(step, effect);
                tracing::info!(step = step.word(), revision = ?step.revision(), took_ms, "step done");
                if step.facts().is_in_history() {
                    self.event(step, took_ms, None).await;
                }
            }
            Err(StepError::Permanent(diagnosis)) if self.has_served(step) => {
                // A revision that was healthy once cannot fail: its steps only back off.
                self.back_off(step, diagnosis.sentence, None);
            }
            Err(StepError::Permanent(diagnosis)) => {
                tracing::info!(
                    step = step.word(),
                    code = diagnosis.code,
                    "the revision failed"
                );
                self.memory.succeeded(step);
                self.event(step, took_ms, Some(diagnosis.sentence.clone()))
                    .await;
                self.fail(step, Outcome::Failed(diagnosis)).await;
            }
            Err(StepError::Transient { reason, after }) => {
                let after_ms = after.map(|after| after.as_millis() as u64);
                self.back_off(step, reason, after_ms);
            }
        }
    }

    /// Whether the step's revision was healthy when the step began.
    fn has_served(&self, step: &Step) -> bool {
        let revision = step.revision();
        let facts = self
            .state
            .as_ref()
            .zip(revision)
            .and_then(|(state, number)| state.observed.revision(number));
        facts.is_some_and(|facts| facts.healthy)
    }

    fn back_off(&mut self, step: &Step, reason: String, after_ms: Option<u64>) {
        tracing::warn!(step = step.word(), %reason, "step failed; it will be retried");
        self.memory.engine = None;
        if let Step::Route { revision } = step {
            self.memory.in_doubt.insert(*revision);
            self.memory.drained.remove(revision);
        }
        let now_ms = self.clock.now_ms();
        self.memory.failed(step, now_ms, reason, after_ms);
    }

    fn learn(&mut self, step: &Step, effect: Effect) {
        match (step, effect) {
            (Step::Probe { revision }, Effect::Ready(addresses)) => {
                self.memory.ready.insert(*revision, addresses);
            }
            (Step::Drain { revision }, _) => {
                self.memory.drained.insert(*revision);
            }
            // A restarted service has to become ready again, even at the same address.
            (Step::StartService { revision, .. }, _) => {
                self.memory.ready.remove(revision);
            }
            (Step::Route { revision }, _) => {
                self.memory.in_doubt.clear();
                self.memory.drained.remove(revision);
            }
            (Step::Unroute, _) => self.memory.in_doubt.clear(),
            (Step::ConfirmEmpty { seen }, _) => self.memory.empty_checks = seen + 1,
            (Step::ConfirmGone, _) => self.memory = Memory::default(),
            _ => {}
        }
    }

    async fn fail(&mut self, step: &Step, outcome: Outcome) {
        let Some(revision) = step.revision() else {
            return;
        };
        let store = &self.workers.ports().store;
        if let Err(error) = store.set_outcome(&self.preview, revision, outcome).await {
            tracing::error!(%error, "cannot store a revision's outcome; the step will be retried");
            let now_ms = self.clock.now_ms();
            self.memory.failed(step, now_ms, error.to_string(), None);
        }
    }

    async fn event(&self, step: &Step, took_ms: u64, note: Option<String>) {
        let event = EventRow {
            revision: step.revision().map(|revision| revision.0),
            at_ms: wall_ms(),
            step: step.facts().title(),
            took_ms,
            note,
        };
        let (preview, revision) = (self.preview.clone(), step.revision());
        let store = self.workers.ports().store.clone();
        // In the background: the history must not slow the preview down.
        tokio::spawn(async move {
            if let Err(error) = store.add_event(&preview, revision, event).await {
                tracing::warn!(%error, "cannot store an event of the history; it is lost");
            }
        });
    }

    /// Whether nothing is left to do, so that the worker may end.
    fn may_end(&self) -> bool {
        let Some(state) = &self.state else {
            return self.in_flight.is_empty();
        };
        let desired = &state.row.desired;
        state.summary.phase == Phase::Gone
            && self.in_flight.is_empty()
            && self.memory.backoffs.is_empty()
            && desired.refresh_requested == desired.refresh_applied
    }

    async fn wind_down(mut self) {
        for (step, InFlight { handle, .. }) in &self.in_flight {
            if step.may_be_cut_off() || self.memory.late.contains(step) {
                handle.abort();
            }
        }
        while let Some(joined) = self.steps.join_next_with_id().await {
            self.take_ended(joined).await;
        }
    }
}
