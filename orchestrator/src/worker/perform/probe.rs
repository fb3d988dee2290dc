//! Waits until every service of a revision is ready, and reports progress meanwhile.
//!
//! The engine restarts a service that exits with an error, since the service may need a sibling.
//! The service fails for good at the deadline, or when it keeps exiting in the same way after its
//! siblings are ready or stuck. A slow answer is no failure: further attempts run beside it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use deploy::{
    blueprint::{Health, Service},
    engine::{ContainerState, Probe, ServiceKey, ServiceRun},
    names::{RevisionNumber, ServiceName},
};
use futures_util::{
    StreamExt as _,
    future::{self, BoxFuture},
    stream::FuturesUnordered,
};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{
    context::{Effect, StepContext, StepError},
    run::last_lines,
    seen::{Ended, Seen},
};
use crate::{
    clock::wall_ms,
    diagnosis::{self, End, NotReady, Sight},
    preview::environment,
};

/// Pause between a failed attempt and the next one.
const PAUSE_FIRST: Duration = Duration::from_millis(5);
const PAUSE_LONGEST: Duration = Duration::from_millis(250);
/// How long an attempt may wait for an answer before another one begins beside it.
const BESIDE: Duration = Duration::from_secs(3);
/// How many attempts at one service run at the same time.
const ATTEMPTS_MAX: usize = 4;
/// Pause between two runs of a health check.
const CHECK_PAUSE: Duration = Duration::from_millis(500);
/// How often the container itself is checked.
const CHECK_EVERY: Duration = Duration::from_millis(250);
/// How long a service without a port or health check has to run to count as ready.
const STAYS_MIN: Duration = Duration::from_secs(1);
/// When the first progress report comes, and how often it is updated.
const TELL_AFTER: Duration = Duration::from_secs(2);
const TELL_EVERY: Duration = Duration::from_millis(500);

/// Waits until every service is ready at the same time, or one of them cannot become ready.
pub(super) async fn probe(
    context: &StepContext<'_>,
    number: RevisionNumber,
) -> Result<Effect, StepError> {
    let facts = context.revision(number)?;
    let Some(blueprint) = &facts.blueprint else {
        return Err(StepError::transient(
            "the services of the revision are unknown",
        ));
    };
    let limit = Duration::from_secs(context.ports.settings.limits.start_seconds_max);
    let waits: Vec<Wait<'_>> = blueprint
        .services
        .iter()
        .map(|service| Wait::new(context, number, service, limit))
        .collect();
    let told = Told(context);
    let all = future::try_join_all(waits.iter().map(|wait| wait.until_ready(&waits)));
    let ready = tokio::select! {
        ready = all => ready?,
        () = told.tell(&waits) => return Err(StepError::transient("the progress report ended")),
    };
    let addresses: BTreeMap<ServiceName, SocketAddr> = ready.into_iter().collect();
    for wait in &waits {
        wait.is_still_at(addresses.get(&wait.service.name)).await?;
    }
    let store = &context.ports.store;
    store
        .set_healthy(context.preview, number, wall_ms())
        .await?;
    Ok(Effect::Ready(addresses))
}

/// Reports progress; dropping it clears the report.
struct Told<'a>(&'a StepContext<'a>);

impl Told<'_> {
    /// Never ends.
    async fn tell(&self, waits: &[Wait<'_>]) {
        tokio::time::sleep(TELL_AFTER).await;
        let mut tick = interval(TELL_EVERY);
        loop {
            tick.tick().await;
            let late = waits.iter().filter_map(Wait::not_ready);
            let late: Vec<String> = late
                .map(|it| format!("{}, which {}", it.service.name, it.words()))
                .collect();
            let progress = &self.0.ports.start_progress;
            match late.is_empty() {
                true => progress.clear(self.0.preview),
                false => progress.put(self.0.preview, late.join("; and ")),
            }
        }
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.ports.start_progress.clear(self.0.preview);
    }
}

/// The wait for one service.
struct Wait<'a> {
    context: &'a StepContext<'a>,
    service: &'a Service,
    key: ServiceKey,
    host: String,
    limit: Duration,
    deadline: Instant,
    seen: Mutex<Seen>,
}

type Attempts<'a> = FuturesUnordered<BoxFuture<'a, Probe>>;

impl<'a> Wait<'a> {
    fn new(
        context: &'a StepContext<'a>,
        number: RevisionNumber,
        service: &'a Service,
        limit: Duration,
    ) -> Self {
        let host = environment::service_host(context.ports, &context.state.row, service)
            .map_or_else(|| service.name.to_string(), |host| host.to_string());
        Self {
            context,
            service,
            key: context.service_key(number, &service.name),
            host,
            limit,
            deadline: Instant::now() + limit,
            seen: Mutex::new(Seen::new()),
        }
    }

    /// Waits until the service is ready; returns its name and address.
    async fn until_ready(&self, all: &[Wait<'_>]) -> Result<(ServiceName, SocketAddr), StepError> {
        let mut attempts = Attempts::new();
        let mut check = interval(CHECK_EVERY);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pause = PAUSE_FIRST;
        let mut next = Instant::now();
        let mut at = None;
        loop {
            let may_ask = at.is_some() && attempts.len() < self.attempts_max();
            tokio::select! {
                biased;
                Some(found) = attempts.next(), if !attempts.is_empty() => {
                    if let (Probe::Ready, Some(address)) = (&found, at) {
                        self.seen().ready = true;
                        return Ok((self.service.name.clone(), address));
                    }
                    next = Instant::now() + pause.max(self.pause_min());
                    pause = (pause * 2).min(PAUSE_LONGEST);
                    self.note_answer(found, attempts.is_empty());
                }
                _ = check.tick() => {
                    let now_at = self.check_container().await?;
                    if now_at != at {
                        attempts.clear();
                        self.seen().asked_at = None;
                        (at, pause, next) = (now_at, PAUSE_FIRST, Instant::now());
                    }
                    if let Some(address) = at.filter(|_| self.only_has_to_stay()) {
                        self.seen().ready = true;
                        return Ok((self.service.name.clone(), address));
                    }
                    self.give_up_if_hopeless(all).await?;
                }
                () = tokio::time::sleep_until(self.deadline) => return Err(self.too_late(all).await),
                () = tokio::time::sleep_until(next), if may_ask => {
                    let Some(address) = at else { continue };
                    self.seen().asked_at.get_or_insert(Instant::now());
                    attempts.push(self.attempt(address));
                    next = Instant::now() + BESIDE;
                }
            }
        }
    }

    fn attempt<'b>(&'b self, address: SocketAddr) -> BoxFuture<'b, Probe> {
        let limit = self.deadline - Instant::now();
        let engine = &self.context.ports.engine;
        if let Health::Check(check) = &self.service.health {
            return engine.check(&self.key, check);
        }
        engine.probe(address, &self.host, &self.service.health, limit)
    }

    /// A check starts a program in the container, which costs more than a request.
    fn attempts_max(&self) -> usize {
        match self.service.health {
            Health::Check(_) => 1,
            _ => ATTEMPTS_MAX,
        }
    }

    fn pause_min(&self) -> Duration {
        match self.service.health {
            Health::Check(_) => CHECK_PAUSE,
            _ => Duration::ZERO,
        }
    }

    fn note_answer(&self, found: Probe, was_the_only_one: bool) {
        let mut seen = self.seen();
        seen.sight = Sight::Found(found);
        if was_the_only_one {
            seen.asked_at = None;
        }
    }

    /// Checks the container and returns its address. Fails where the lifecycle has to observe it
    /// first: the container is gone, was stopped, or exited.
    async fn check_container(&self) -> Result<Option<SocketAddr>, StepError> {
        let run = self.context.ports.engine.service_run(&self.key).await?;
        let moved = || StepError::transient(format!("{} is gone or stopped", self.service.name));
        let run = run.ok_or_else(moved)?;
        match &run.state {
            ContainerState::Running => {
                let mut seen = self.seen();
                if seen.run.as_ref().map(|before| &before.state) != Some(&run.state) {
                    seen.runs_since = Instant::now();
                }
            }
            ContainerState::Exited {
                exit_code,
                out_of_memory,
            } if run.starts_again => {
                let end = End {
                    exit_code: *exit_code,
                    out_of_memory: *out_of_memory,
                    times: run.ends,
                };
                self.note_end(&run, end).await;
            }
            _ => return Err(moved()),
        }
        let address = run.address;
        self.seen().run = Some(run);
        Ok(address)
    }

    async fn note_end(&self, run: &ServiceRun, end: End) {
        let before = match self.seen().ends.last() {
            Some(last) if last.end.times == end.times => return,
            last => last.and_then(|last| last.at),
        };
        let lines = last_lines(self.context, &self.key, before).await;
        let mut seen = self.seen();
        seen.sight = Sight::Ended(end.clone());
        seen.ends.push(Ended {
            end,
            at: run.ended,
            lines,
        });
    }

    /// Whether running is the only check of the service, and it has run long enough.
    fn only_has_to_stay(&self) -> bool {
        let seen = self.seen();
        self.service.health == Health::Running && seen.runs_since.elapsed() >= STAYS_MIN
    }

    /// Fails where the service is stuck and no sibling is left that it may need.
    async fn give_up_if_hopeless(&self, all: &[Wait<'_>]) -> Result<(), StepError> {
        let settled = |wait: &Wait<'_>| wait.is_ready() || wait.seen().is_stuck();
        if !all
            .iter()
            .filter(|other| other.key != self.key)
            .all(settled)
        {
            self.seen().hopeless_at = None;
            return Ok(());
        }
        let hopeless = {
            let mut seen = self.seen();
            seen.has_tried_in_vain() && seen.is_stuck()
        };
        match hopeless {
            true => Err(self.too_late(all).await),
            false => Ok(()),
        }
    }

    /// Why the service did not become ready, and which other services did not.
    async fn too_late(&self, all: &[Wait<'_>]) -> StepError {
        let others: Vec<NotReady<'_>> = all
            .iter()
            .filter(|other| other.key != self.key)
            .filter_map(Wait::not_ready)
            .collect();
        let it = self.sight();
        let diagnosis = match &it.sight {
            Sight::Ended(end) => {
                let evidence = self.seen().ends.last().map(|last| last.lines.clone());
                diagnosis::exited(
                    self.context.preview,
                    self.service,
                    end,
                    &others,
                    evidence.unwrap_or_default(),
                    self.context.way(),
                )
            }
            _ => {
                let before = self.seen().run.as_ref().and_then(|run| run.ended);
                let evidence = last_lines(self.context, &self.key, before).await;
                diagnosis::not_ready(&it, self.limit.as_secs(), &others, evidence)
            }
        };
        StepError::Permanent(diagnosis)
    }

    fn not_ready(&self) -> Option<NotReady<'a>> {
        (!self.is_ready()).then(|| self.sight())
    }

    fn sight(&self) -> NotReady<'a> {
        let seen = self.seen();
        NotReady {
            service: self.service,
            sight: seen.sight(),
            listens: seen.run.as_ref().and_then(|run| run.listens.clone()),
        }
    }

    /// Fails where the address differs from the one at which the service was ready.
    async fn is_still_at(&self, address: Option<&SocketAddr>) -> Result<(), StepError> {
        let now_at = self.check_container().await?;
        if now_at.as_ref() == address {
            return Ok(());
        }
        let name = &self.service.name;
        Err(StepError::transient(format!(
            "{name} was ready, but its address has changed"
        )))
    }

    fn is_ready(&self) -> bool {
        self.seen().ready
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
