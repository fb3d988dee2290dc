//! Runs one step within its deadline, and counts the attempt before it begins.

use std::time::Duration;

use deploy::{
    engine::Network,
    names::{PreviewId, RevisionNumber},
};
use tokio::time::Instant;

use super::{
    assign, build,
    context::{Effect, Ended, StepContext, StepError},
    data, forge, migrate, probe, remove, run, source,
};
use crate::{
    diagnosis,
    lifecycle::{Attempt, Outcome, Step},
    store::StoreError,
    worker::{Ports, PreviewState},
};

/// Time limit for reading a commit: its fetch and its submodules (5 minutes each), then its Git LFS
/// files and theirs (10 minutes each).
const READ_MAX: Duration = Duration::from_secs(31 * 60);

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

async fn within_deadline(context: &StepContext<'_>, step: &Step) -> Result<Effect, StepError> {
    // A build's deadline starts with its turn; waiting in the queue has no deadline.
    if !step.is_cancellable() || matches!(step, Step::Build { .. }) {
        return dispatch(context, step).await;
    }
    let deadline = deadline(context, step);
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

fn gave_up(context: &StepContext<'_>, what: &str) -> StepError {
    StepError::Permanent(diagnosis::gave_up(what, context.way()))
}

/// The operator's limit where there is one, else the limit for reading a commit. Probe and drain
/// have their own deadlines with better errors, so this one comes later.
fn deadline(context: &StepContext<'_>, step: &Step) -> Duration {
    let limits = &context.ports.settings.limits;
    match step {
        Step::Migrate { .. } => Duration::from_secs(limits.migrate_seconds_max),
        Step::Probe { .. } => Duration::from_secs(limits.start_seconds_max + 30),
        Step::Drain { .. } => Duration::from_secs(limits.drain_seconds_max + 15),
        _ => READ_MAX,
    }
}

async fn dispatch(context: &StepContext<'_>, step: &Step) -> Result<Effect, StepError> {
    match step {
        Step::ReadPullRequest { refresh, confirms } => {
            forge::read(context, *refresh, *confirms).await
        }
        Step::Report { .. } => forge::report(context).await,
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
        Step::Retire { revision } => {
            context
                .ports
                .store
                .set_outcome(context.preview, *revision, Outcome::Retired)
                .await?;
            Ok(Effect::Done)
        }
        Step::ConfirmEmpty { .. } => remove::confirm_empty(context).await,
        Step::ConfirmGone => remove::confirm_gone(context).await,
    }
}

/// The attempt that a step counts as; none where attempts are not counted.
fn attempt(step: &Step) -> Option<(RevisionNumber, Attempt)> {
    match step {
        Step::ReadSource { revision } => Some((*revision, Attempt::Source)),
        Step::Build { revision, service } => Some((*revision, Attempt::Build(service.clone()))),
        Step::ForkData { revision, .. } => Some((*revision, Attempt::Fork)),
        Step::CreateDatabase { name, revision, .. } => {
            Some((*revision, Attempt::Database(name.clone())))
        }
        Step::StartDatabase { name, revision, .. } => {
            Some((*revision, Attempt::StartDatabase(name.clone())))
        }
        Step::Migrate { revision, database } => {
            Some((*revision, Attempt::Migrate(database.clone())))
        }
        Step::StartService { revision, service } => {
            Some((*revision, Attempt::Start(service.clone())))
        }
        Step::Probe { revision } => Some((*revision, Attempt::Probe)),
        _ => None,
    }
}

async fn begin_attempt(ports: &Ports, preview: &PreviewId, step: &Step) -> Result<(), StoreError> {
    match attempt(step) {
        Some((number, attempt)) => ports.store.begin_attempt(preview, number, attempt).await,
        None => Ok(()),
    }
}

/// Takes back the attempt of a step that failed or was cancelled: only crashes count.
pub(crate) async fn end_attempt(ports: &Ports, preview: &PreviewId, step: &Step) {
    let Some((number, attempt)) = attempt(step) else {
        return;
    };
    if let Err(error) = ports.store.end_attempt(preview, number, attempt).await {
        tracing::warn!(%error, "cannot take back the attempt of a step; it will count as a crash");
    }
}

/// The title of a step in a preview's history.
pub(crate) fn title(step: &Step) -> String {
    let about = match step {
        Step::Build { service, .. }
        | Step::StartService { service, .. }
        | Step::RemoveService { service, .. } => Some(service.to_string()),
        Step::CreateDatabase { name, .. }
        | Step::StartDatabase { name, .. }
        | Step::StopDatabase { name, .. }
        | Step::RemoveDatabase { name, .. } => Some(name.to_string()),
        Step::Migrate { database, .. } => Some(database.to_string()),
        Step::EnsureNetwork { network, .. } => Some(match network {
            Network::Revision(_) => "services".to_owned(),
            Network::Data(_) => "databases".to_owned(),
        }),
        _ => None,
    };
    match about {
        Some(about) => format!("{} {about}", step.word()),
        None => step.word().to_owned(),
    }
}

/// Whether a preview's history shows the step when it succeeds.
pub(crate) fn is_told(step: &Step) -> bool {
    !matches!(
        step,
        Step::Report { .. }
            | Step::ConfirmEmpty { .. }
            | Step::Retire { .. }
            | Step::AssignData { .. }
    )
}
