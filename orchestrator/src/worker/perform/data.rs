//! Steps about databases.

use deploy::{
    blueprint::Database,
    databases::{DatabaseError, DatabaseKey, DatabaseSpec, Seed},
    engine::EngineError,
    names::{DatabaseName, RevisionNumber},
};
use secrecy::SecretString;

use super::{Effect, Scene, Trouble, source};
use crate::{diagnosis, environment, worker::clock::wall_ms};

/// Memory of a database, with swap.
const MEMORY_BYTES: u64 = 512 * 1024 * 1024;
/// A database's share of processors, in thousandths.
const CPU_MILLI: u64 = 1_000;

fn key(scene: &Scene<'_>, name: &DatabaseName) -> DatabaseKey {
    DatabaseKey {
        preview: scene.preview.clone(),
        name: name.clone(),
    }
}

fn database<'a>(
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

/// Makes a database from nothing. That it is complete is written down last, so that one whose
/// making was cut off is made anew.
pub(super) async fn create(
    scene: &Scene<'_>,
    number: RevisionNumber,
    name: &DatabaseName,
) -> Result<Effect, Trouble> {
    let wanted = database(scene, number, name)?;
    let seed = match &wanted.seed {
        Some(path) => Some(seed(scene, number, path).await?),
        None => None,
    };
    let password = scene
        .ports
        .store
        .ensure_password(scene.preview, name)
        .await?;
    let spec = DatabaseSpec {
        key: key(scene, name),
        image: wanted.image.clone(),
        seed,
        password: SecretString::from(password),
        memory_bytes: MEMORY_BYTES,
        cpu_milli: CPU_MILLI,
    };
    match scene.ports.databases.create(&spec).await {
        Ok(()) => {}
        Err(DatabaseError::Engine(error)) => return Err(error.into()),
        Err(error) => return Err(Trouble::Verdict(diagnosis::database(name, &error))),
    }
    scene
        .ports
        .store
        .set_born(scene.preview, name, wall_ms())
        .await?;
    Ok(Effect::Done)
}

async fn seed(scene: &Scene<'_>, number: RevisionNumber, path: &str) -> Result<Seed, Trouble> {
    let tree = source::fetch(scene, number).await?;
    let content = scene
        .ports
        .sources
        .file(&tree, path)
        .await
        .map_err(source::trouble)?;
    match content {
        Some(content) => Ok(Seed {
            path: path.to_owned(),
            content,
        }),
        None => Err(Trouble::Verdict(diagnosis::seed_missing(path))),
    }
}

/// Starts a database that was made before. One that is not there any more is forgotten, so that it
/// is made anew.
pub(super) async fn start(scene: &Scene<'_>, name: &DatabaseName) -> Result<Effect, Trouble> {
    match scene.ports.databases.start(&key(scene, name)).await {
        Ok(()) => Ok(Effect::Done),
        Err(DatabaseError::Engine(EngineError::Missing(what))) => {
            tracing::warn!(database = %name, what, "a database is gone; it is made anew from its seed");
            scene
                .ports
                .store
                .forget_database(scene.preview, name)
                .await?;
            Err(Trouble::again(format!(
                "database {name} was gone and is made anew"
            )))
        }
        Err(error) => Err(Trouble::again(error)),
    }
}

/// Runs the revision's migration in its service's image.
pub(super) async fn migrate(
    scene: &Scene<'_>,
    number: RevisionNumber,
    name: &DatabaseName,
) -> Result<Effect, Trouble> {
    let Some(migrate) = &database(scene, number, name)?.migrate else {
        return Ok(Effect::Done);
    };
    let service = source::service(scene, number, &migrate.service)?;
    let mut spec = environment::service_spec(scene.ports, scene.snapshot, number, service).await?;
    spec.command = Some(migrate.run.clone());
    let task = format!("migrate-{name}");
    let ended = match scene.ports.engine.run_to_end(&spec, &task).await {
        Ok(ended) => ended,
        Err(EngineError::Missing(what)) => {
            let store = &scene.ports.store;
            store
                .forget_image(scene.preview, number, service.name.clone())
                .await?;
            return Err(Trouble::again(format!("{what} is missing")));
        }
        Err(EngineError::Refused { why, .. }) => {
            return Err(Trouble::Verdict(diagnosis::migration_refused(name, &why)));
        }
        Err(error) => return Err(error.into()),
    };
    if ended.exit_code != 0 {
        return Err(Trouble::Verdict(diagnosis::migration_failed(
            name,
            &migrate.run,
            &ended,
        )));
    }
    scene
        .ports
        .store
        .set_migrated(scene.preview, number, name.clone())
        .await?;
    Ok(Effect::Done)
}

/// Removes a database: forgotten first, so that what a crash leaves half removed is never used.
pub(super) async fn remove(scene: &Scene<'_>, name: &DatabaseName) -> Result<Effect, Trouble> {
    scene
        .ports
        .store
        .forget_database(scene.preview, name)
        .await?;
    scene
        .ports
        .databases
        .remove(&key(scene, name))
        .await
        .map_err(Trouble::again)?;
    Ok(Effect::Done)
}
