//! Steps about databases.

use std::{collections::BTreeSet, sync::Arc};

use deploy::{
    blueprint::Database,
    databases::{DataSet, DataSink, DatabaseError, DatabaseKey, DatabaseSpec, Fork, Seed},
    engine::EngineError,
    names::{DatabaseName, Generation, RevisionNumber},
};
use secrecy::SecretString;

use super::{Effect, Scene, Trouble, seed};
use crate::{diagnosis, lifecycle::DataSource, worker::clock::wall_ms};

/// A database's share of processors, in thousandths.
const CPU_MILLI: u64 = 1_000;

fn key(scene: &Scene<'_>, generation: Generation, name: &DatabaseName) -> DatabaseKey {
    DatabaseKey {
        preview: scene.preview.clone(),
        generation,
        name: name.clone(),
    }
}

pub(super) fn database<'a>(
    scene: &'a Scene<'_>,
    number: RevisionNumber,
    name: &DatabaseName,
) -> Result<&'a Database, Trouble> {
    let blueprint = scene.revision(number)?.blueprint.as_ref();
    blueprint
        .and_then(|blueprint| {
            blueprint
                .databases
                .iter()
                .find(|database| database.name == *name)
        })
        .ok_or_else(|| Trouble::again(format!("{number} has no database {name}")))
}

pub(super) async fn spec(
    scene: &Scene<'_>,
    generation: Generation,
    wanted: &Database,
) -> Result<DatabaseSpec, Trouble> {
    let store = &scene.ports.store;
    let password = store
        .ensure_password(scene.preview, generation, &wanted.name)
        .await?;
    Ok(DatabaseSpec {
        key: key(scene, generation, &wanted.name),
        engine: wanted.engine.clone(),
        image: wanted.image.clone(),
        password: SecretString::from(password),
        memory_bytes: wanted.memory_bytes,
        cpu_milli: CPU_MILLI,
    })
}

/// Makes a database's data from its seed. That they are complete is written down last, so that
/// those whose making was cut off are made anew.
pub(super) async fn create(
    scene: &Scene<'_>,
    number: RevisionNumber,
    generation: Generation,
    name: &DatabaseName,
) -> Result<Effect, Trouble> {
    let wanted = database(scene, number, name)?;
    let spec = spec(scene, generation, wanted).await?;
    let (seed, real) = seed::seed(scene, number, wanted).await?;
    let store = &scene.ports.store;
    store
        .set_real(scene.preview, generation, name, real)
        .await?;
    let made = scene
        .ports
        .databases
        .create(&spec, &seed, sink(scene))
        .await;
    scene.ports.data_notes.clear(scene.preview);
    // It may have been replaced while it was looked up: then its name leads to another one by now.
    if matches!(made, Err(DatabaseError::NoData(_)))
        && let (Seed::Snapshot(before), (Seed::Snapshot(now), _)) =
            (&seed, seed::seed(scene, number, wanted).await?)
        && *before != now
    {
        return Err(Trouble::again("the snapshot was just replaced"));
    }
    judge(name, made)?;
    born(scene, generation, [name.clone()].into(), true).await
}

/// What a making says of itself, for whoever waits for it.
fn sink(scene: &Scene<'_>) -> DataSink {
    let preview = scene.preview.clone();
    let notes = Arc::clone(&scene.ports.data_notes);
    Arc::new(move |sentence| {
        tracing::info!(%preview, sentence, "data");
        notes.put(&preview, sentence);
    })
}

/// Copies databases of another generation, or of another preview.
pub(super) async fn fork(
    scene: &Scene<'_>,
    generation: Generation,
    from: &DataSource,
    names: &BTreeSet<DatabaseName>,
) -> Result<Effect, Trouble> {
    let set = |generation| DataSet {
        preview: scene.preview.clone(),
        generation,
    };
    let from = match from {
        DataSource::Generation(source) => set(*source),
        DataSource::Preview(set) => set.clone(),
        DataSource::Seeds => return Err(Trouble::again("there is nothing to copy")),
    };
    let store = &scene.ports.store;
    for name in names {
        store
            .ensure_password(scene.preview, generation, name)
            .await?;
    }
    let fork = Fork {
        from,
        to: set(generation),
        names: names.iter().cloned().collect(),
    };
    let forked = scene.ports.databases.fork(&fork).await;
    if matches!(forked, Err(DatabaseError::NoData(_))) && fork.from.preview == *scene.preview {
        forget_lost(scene, fork.from.generation).await?;
        return Err(Trouble::again("what should be copied is gone"));
    }
    let forked = match (forked, names.first()) {
        (Ok(forked), _) => forked,
        (Err(error), Some(name)) => return judge(name, Err(error)).map(|()| Effect::Done),
        (Err(error), None) => return Err(Trouble::again(error)),
    };
    tracing::info!(
        preview = %scene.preview,
        paused_ms = forked.paused.as_millis(),
        took_ms = forked.took.as_millis(),
        shared = forked.shared,
        "copied"
    );
    born(scene, generation, names.clone(), false).await
}

/// Sorts what a database said: what the commit is at fault for, and what may pass.
fn judge<T>(name: &DatabaseName, made: Result<T, DatabaseError>) -> Result<T, Trouble> {
    match made {
        Ok(made) => Ok(made),
        Err(DatabaseError::Engine(error)) => Err(error.into()),
        Err(error) => Err(Trouble::Verdict(diagnosis::database(name, &error))),
    }
}

async fn born(
    scene: &Scene<'_>,
    generation: Generation,
    names: BTreeSet<DatabaseName>,
    anew: bool,
) -> Result<Effect, Trouble> {
    let store = &scene.ports.store;
    store
        .set_born(scene.preview, generation, names, anew, wall_ms())
        .await?;
    Ok(Effect::Done)
}

/// Starts a server on data that are complete. Data that are not there any more are forgotten, so
/// that they are made anew.
pub(super) async fn start(
    scene: &Scene<'_>,
    number: RevisionNumber,
    generation: Generation,
    name: &DatabaseName,
) -> Result<Effect, Trouble> {
    let spec = spec(scene, generation, database(scene, number, name)?).await?;
    let store = &scene.ports.store;
    let facts = scene.snapshot.observed.generations.get(&generation);
    if facts.is_some_and(|facts| facts.answering.contains(name)) {
        store
            .set_answers(scene.preview, generation, name, false)
            .await?;
    }
    match scene.ports.databases.start(&spec).await {
        Ok(()) => {
            store
                .set_answers(scene.preview, generation, name, true)
                .await?;
            Ok(Effect::Done)
        }
        Err(DatabaseError::Engine(EngineError::Missing(what))) => {
            forget_lost(scene, generation).await?;
            Err(Trouble::again(format!("{what} is missing")))
        }
        other => judge(name, other).map(|()| Effect::Done),
    }
}

/// Forgets databases whose data somebody removed, so that they are made anew.
async fn forget_lost(scene: &Scene<'_>, generation: Generation) -> Result<(), Trouble> {
    let seen = scene.ports.engine.observe(Some(scene.preview)).await?;
    let store = &scene.ports.store;
    for row in store.databases(scene.preview).await? {
        let key = key(scene, generation, &row.name);
        if row.generation != generation || !row.born || seen.data.contains(&key) {
            continue;
        }
        tracing::warn!(database = %row.name, %generation, "its data are gone; they are made anew");
        store
            .forget_database(scene.preview, generation, &row.name)
            .await?;
    }
    Ok(())
}

/// Stops a server whose data are kept.
pub(super) async fn stop(
    scene: &Scene<'_>,
    generation: Generation,
    name: &DatabaseName,
) -> Result<Effect, Trouble> {
    let key = key(scene, generation, name);
    let stopped = scene.ports.databases.stop(&key).await;
    stopped.map_err(Trouble::again)?;
    Ok(Effect::Done)
}

/// Removes a database: forgotten first, so that what a crash leaves half removed is never used.
pub(super) async fn remove(
    scene: &Scene<'_>,
    generation: Generation,
    name: &DatabaseName,
) -> Result<Effect, Trouble> {
    scene
        .ports
        .store
        .forget_database(scene.preview, generation, name)
        .await?;
    scene
        .ports
        .databases
        .remove(&key(scene, generation, name))
        .await
        .map_err(Trouble::again)?;
    Ok(Effect::Done)
}
