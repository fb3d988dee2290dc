//! Runs one step within its deadline, and counts the attempt before it begins.

use std::time::Duration;

use deploy::names::{PreviewId, RevisionNumber};
use tokio::time::Instant;

use super::{
    assign, build,
    context::{Effect, Ended, StepContext, StepError},
    data, forge, migrate, probe, remove, run, source,
};
use crate::{
    config::Limits,
    diagnosis,
    lifecycle::{Deadline, Limit, Outcome, Step},
    store::StoreError,
    worker::{Ports, PreviewState},
};

/// Runs one step within its deadline, and counts the attempt before it begins.
pub(crate) async fn perform(
    ports: &Ports,
    preview: &PreviewId,
    step: &Step,
    state: &PreviewState,
) -> Ended {
    let began = Instant::now();
    let context = StepContext {
        ports,
        preview,
        state,
    };
    let result = match begin_attempt(ports, preview, step).await {
        Ok(()) => within_deadline(&context, step).await,
        Err(error) => Err(error.into()),
    };
    if result.is_err() {
        end_attempt(ports, preview, step).await;
    }
    Ended {
        result,
        took: began.elapsed(),
    }
}

/// Drops a step at its deadline if it may be dropped. Every other step goes on, and the worker shows it
/// as late.
async fn within_deadline(context: &StepContext<'_>, step: &Step) -> Result<Effect, StepError> {
    let deadline = match step.is_cancellable() {
        true => deadline(&context.ports.settings.limits, step),
        false => None,
    };
    let Some(deadline) = deadline else {
        return dispatch(context, step).await;
    };
    match tokio::time::timeout(deadline, dispatch(context, step)).await {
        Ok(result) => result,
        Err(_) => match step {
            Step::Migrate { database, .. } => Err(StepError::Permanent(
                diagnosis::migration_timed_out(database, deadline),
            )),
            _ => Err(StepError::transient(format!(
                "the step took longer than {} s",
                deadline.as_secs()
            ))),
        },
    }
}

/// The deadline of a step, counted from its beginning. None for a build: its time is counted from its
/// turn on.
pub(crate) fn deadline(limits: &Limits, step: &Step) -> Option<Duration> {
    let (limit, spare) = match step.facts().deadline() {
        Deadline::Seconds(seconds) => return Some(Duration::from_secs(seconds)),
        Deadline::FromItsTurn(_) => return None,
        Deadline::Limit(limit, spare) => (limit, spare),
    };
    let seconds = match limit {
        Limit::Build => limits.build_seconds_max,
        Limit::Seed => limits.seed_seconds_max,
        Limit::Migrate => limits.migrate_seconds_max,
        Limit::Start => limits.start_seconds_max,
        Limit::Drain => limits.drain_seconds_max,
    };
    Some(Duration::from_secs(seconds.saturating_add(spare)))
}

fn gave_up(context: &StepContext<'_>, what: &str) -> StepError {
    StepError::Permanent(diagnosis::gave_up(what, context.way()))
}

async fn dispatch(context: &StepContext<'_>, step: &Step) -> Result<Effect, StepError> {
    match step {
        Step::ReadPullRequest { refresh, confirms } => {
            forge::read(context, *refresh, *confirms).await
        }
        Step::Report { key } => forge::report(context, key).await,
        Step::DeleteRecords => forge::delete_records(context).await,
        Step::BeginRevision {
            number,
            commit,
            request,
        } => source::begin(context, *number, commit, *request).await,
        Step::ReadSource { revision } => source::read(context, *revision).await,
        Step::Build { revision, service } => build::build(context, *revision, service).await,
        Step::EnsureNetwork { network, members } => {
            run::ensure_network(context, network, *members).await
        }
        Step::StartService { revision, service } => run::start(context, *revision, service).await,
        Step::Probe { revision } => probe::probe(context, *revision).await,
        Step::Explain { revision, service } => run::explain(context, *revision, service).await,
        Step::Announce => run::announce(context).await,
        Step::TakePlace => Ok(take_place(context)),
        Step::Route { revision } => run::route(context, *revision).await,
        Step::Unroute => run::unroute(context).await,
        Step::Drain { revision } => run::drain(context, *revision).await,
        Step::AssignData {
            revision,
            generation,
            from,
            reseed,
        } => assign::assign(context, *revision, *generation, from, reseed).await,
        Step::ForkData {
            generation,
            from,
            names,
            revision: _,
        } => data::fork(context, *generation, from, names).await,
        Step::CreateDatabase {
            generation,
            name,
            revision,
        } => data::create(context, *revision, *generation, name).await,
        Step::StartDatabase {
            generation,
            name,
            revision,
        } => data::start(context, *revision, *generation, name).await,
        Step::StopDatabase { generation, name } => data::stop(context, *generation, name).await,
        Step::Migrate { revision, database } => {
            migrate::migrate(context, *revision, database).await
        }
        Step::RemoveDatabase { generation, name } => data::remove(context, *generation, name).await,
        Step::GiveUp { revision: _, what } => Err(gave_up(context, what)),
        Step::RemoveService { revision, service } => {
            remove::service(context, *revision, service).await
        }
        Step::RemoveImage { image } => remove::image(context, image).await,
        Step::RemoveStray { stray } => remove::stray(context, stray).await,
        Step::RemoveNetwork { network } => remove::network(context, network).await,
        Step::Retire { revision } => retire(context, *revision).await,
        Step::ConfirmEmpty { .. } => remove::confirm_empty(context).await,
        Step::ConfirmGone => remove::confirm_gone(context).await,
    }
}

fn take_place(context: &StepContext<'_>) -> Effect {
    context.ports.admission.ask_place(context.preview);
    Effect::Done
}

async fn retire(context: &StepContext<'_>, revision: RevisionNumber) -> Result<Effect, StepError> {
    let store = &context.ports.store;
    let retired = store.set_outcome(context.preview, revision, Outcome::Retired);
    retired.await?;
    Ok(Effect::Done)
}

async fn begin_attempt(ports: &Ports, preview: &PreviewId, step: &Step) -> Result<(), StoreError> {
    match step.facts().attempt() {
        Some((number, attempt)) => ports.store.begin_attempt(preview, number, attempt).await,
        None => Ok(()),
    }
}

/// Takes back the attempt of a step that failed or was cancelled: only crashes count.
pub(crate) async fn end_attempt(ports: &Ports, preview: &PreviewId, step: &Step) {
    let Some((number, attempt)) = step.facts().attempt() else {
        return;
    };
    if let Err(error) = ports.store.end_attempt(preview, number, attempt).await {
        tracing::warn!(%error, "cannot take back the attempt of a step; it will count as a crash");
    }
}
