//! Steps about databases.

use std::{collections::BTreeSet, sync::Arc};

use deploy::{
    blueprint::Database,
    databases::{DataSet, DataSink, DatabaseError, DatabaseSpec, Fork, Seed},
    engine::EngineError,
    names::{DatabaseKey, DatabaseName, Generation, RevisionNumber},
};
use secrecy::SecretString;

use super::{
    context::{Effect, StepContext, StepError},
    seed,
};
use crate::{
    clock::wall_ms,
    diagnosis::{self, DataStep},
    lifecycle::DataSource,
};

/// A database's share of processors, in thousandths.
const CPU_MILLI: u64 = 1_000;

fn key(context: &StepContext<'_>, generation: Generation, name: &DatabaseName) -> DatabaseKey {
    DatabaseKey {
        preview: context.preview.clone(),
        generation,
        name: name.clone(),
    }
}

pub(super) fn database<'a>(
    context: &'a StepContext<'_>,
    number: RevisionNumber,
    name: &DatabaseName,
) -> Result<&'a Database, StepError> {
    let blueprint = context.revision(number)?.blueprint.as_ref();
    blueprint
        .and_then(|blueprint| {
            blueprint
                .databases
                .iter()
                .find(|database| database.name == *name)
        })
        .ok_or_else(|| StepError::transient(format!("{number} has no database {name}")))
}

pub(super) async fn spec(
    context: &StepContext<'_>,
    generation: Generation,
    wanted: &Database,
) -> Result<DatabaseSpec, StepError> {
    let store = &context.ports.store;
    let password = store
        .ensure_password(context.preview, generation, &wanted.name)
        .await?;
    Ok(DatabaseSpec {
        key: key(context, generation, &wanted.name),
        kind: wanted.kind.clone(),
        image: wanted.image.clone(),
        password: SecretString::from(password),
        memory_bytes: wanted.memory_bytes,
        cpu_milli: CPU_MILLI,
    })
}

/// Creates a database's data from its seed. The store marks it complete last, so that an
/// interrupted seed run is repeated.
pub(super) async fn create(
    context: &StepContext<'_>,
    number: RevisionNumber,
    generation: Generation,
    name: &DatabaseName,
) -> Result<Effect, StepError> {
    let wanted = database(context, number, name)?;
    let spec = spec(context, generation, wanted).await?;
    let (seed, real) = seed::seed(context, number, wanted).await?;
    let store = &context.ports.store;
    store
        .set_real(context.preview, generation, name, real)
        .await?;
    let made = context
        .ports
        .databases
        .create(&spec, &seed, sink(context))
        .await;
    context.ports.seed_progress.clear(context.preview);
    // The name may point to another snapshot by now: someone replaced it during the look-up.
    if matches!(made, Err(DatabaseError::NoData(_)))
        && let (Seed::Snapshot(before), (Seed::Snapshot(now), _)) =
            (&seed, seed::seed(context, number, wanted).await?)
        && *before != now
    {
        return Err(StepError::transient(
            "the named snapshot was replaced meanwhile",
        ));
    }
    judge(context, DataStep::Seed, name, made)?;
    complete(context, generation, [name.clone()].into(), true).await
}

/// Publishes and logs the progress messages of a seed run.
fn sink(context: &StepContext<'_>) -> DataSink {
    let preview = context.preview.clone();
    let notes = Arc::clone(&context.ports.seed_progress);
    Arc::new(move |sentence| {
        tracing::info!(%preview, sentence, "seed run in progress");
        notes.put(&preview, sentence);
    })
}

/// Copies databases of another generation, or of another preview.
pub(super) async fn fork(
    context: &StepContext<'_>,
    generation: Generation,
    from: &DataSource,
    names: &BTreeSet<DatabaseName>,
) -> Result<Effect, StepError> {
    let set = |generation| DataSet {
        preview: context.preview.clone(),
        generation,
    };
    let from = match from {
        DataSource::Generation(source) => set(*source),
        DataSource::Preview(set) => set.clone(),
        DataSource::Seeds => {
            return Err(StepError::transient(
                "the databases have no source to copy from",
            ));
        }
    };
    let store = &context.ports.store;
    for name in names {
        store
            .ensure_password(context.preview, generation, name)
            .await?;
    }
    let fork = Fork {
        from,
        to: set(generation),
        names: names.iter().cloned().collect(),
    };
    let forked = context.ports.databases.fork(&fork).await;
    if matches!(forked, Err(DatabaseError::NoData(_))) && fork.from.preview == *context.preview {
        forget_lost(context, fork.from.generation).await?;
        return Err(StepError::transient(
            "the data to copy is gone; it will be created again",
        ));
    }
    let forked = match (forked, names.first()) {
        (Ok(forked), _) => forked,
        (Err(error), Some(name)) => {
            return judge(context, DataStep::Copy, name, Err(error)).map(|()| Effect::Done);
        }
        (Err(error), None) => return Err(StepError::transient(error)),
    };
    tracing::info!(
        preview = %context.preview,
        paused_ms = forked.paused.as_millis(),
        took_ms = forked.took.as_millis(),
        shared = forked.shared,
        "databases copied"
    );
    complete(context, generation, names.clone(), false).await
}

/// Sorts a database error: the commit is at fault, or a retry may succeed.
fn judge<T>(
    context: &StepContext<'_>,
    step: DataStep,
    name: &DatabaseName,
    made: Result<T, DatabaseError>,
) -> Result<T, StepError> {
    match made {
        Ok(made) => Ok(made),
        Err(DatabaseError::Engine(error)) if !matches!(error, EngineError::Refused { .. }) => {
            Err(error.into())
        }
        Err(error) => {
            let failed = diagnosis::database(name, step, &error, context.way());
            Err(StepError::Permanent(failed))
        }
    }
}

async fn complete(
    context: &StepContext<'_>,
    generation: Generation,
    names: BTreeSet<DatabaseName>,
    fresh: bool,
) -> Result<Effect, StepError> {
    let store = &context.ports.store;
    store
        .set_complete(context.preview, generation, names, fresh, wall_ms())
        .await?;
    Ok(Effect::Done)
}

/// Starts a database server on complete data. The store forgets data that is gone, so that it is
/// created again.
pub(super) async fn start(
    context: &StepContext<'_>,
    number: RevisionNumber,
    generation: Generation,
    name: &DatabaseName,
) -> Result<Effect, StepError> {
    let spec = spec(context, generation, database(context, number, name)?).await?;
    let store = &context.ports.store;
    let facts = context.state.observed.generations.get(&generation);
    if facts.is_some_and(|facts| facts.answering.contains(name)) {
        store
            .set_answers(context.preview, generation, name, false)
            .await?;
    }
    match context.ports.databases.start(&spec).await {
        Ok(()) => {
            store
                .set_answers(context.preview, generation, name, true)
                .await?;
            Ok(Effect::Done)
        }
        Err(DatabaseError::Engine(EngineError::Missing(what))) => {
            forget_lost(context, generation).await?;
            Err(StepError::transient(format!("{what} is missing")))
        }
        other => judge(context, DataStep::Start, name, other).map(|()| Effect::Done),
    }
}

/// Forgets databases whose data is gone, so that it is created again.
async fn forget_lost(context: &StepContext<'_>, generation: Generation) -> Result<(), StepError> {
    let seen = context.ports.engine.observe(Some(context.preview)).await?;
    let store = &context.ports.store;
    for row in store.databases(context.preview).await? {
        let key = key(context, generation, &row.name);
        if row.generation != generation || !row.complete || seen.data.contains(&key) {
            continue;
        }
        tracing::warn!(
            database = %row.name,
            %generation,
            "the data of a database is gone; it will be created again"
        );
        store
            .forget_database(context.preview, generation, &row.name)
            .await?;
    }
    Ok(())
}

/// Stops a database server and keeps its data.
pub(super) async fn stop(
    context: &StepContext<'_>,
    generation: Generation,
    name: &DatabaseName,
) -> Result<Effect, StepError> {
    let key = key(context, generation, name);
    let stopped = context.ports.databases.stop(&key).await;
    stopped.map_err(StepError::transient)?;
    Ok(Effect::Done)
}

/// Removes a database. The store forgets it first, so that half-removed data is never used after a
/// crash.
pub(super) async fn remove(
    context: &StepContext<'_>,
    generation: Generation,
    name: &DatabaseName,
) -> Result<Effect, StepError> {
    context
        .ports
        .store
        .forget_database(context.preview, generation, name)
        .await?;
    context
        .ports
        .databases
        .remove(&key(context, generation, name))
        .await
        .map_err(StepError::transient)?;
    Ok(Effect::Done)
}
