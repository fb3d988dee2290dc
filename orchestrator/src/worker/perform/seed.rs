//! What a database starts with, read from the commit or from the server's own snapshots.

use std::collections::BTreeMap;

use deploy::{
    blueprint::{Command, Database, SeedSource},
    databases::{Seed, SeedFile},
    names::{RevisionNumber, ServiceName},
    source::Tree,
};

use super::{Scene, Trouble, source};
use crate::{diagnosis, environment, lifecycle::Origin, store::Holds};

/// What a database starts with, and whether that is data of real people.
pub(super) async fn seed(
    scene: &Scene<'_>,
    number: RevisionNumber,
    database: &Database,
) -> Result<(Seed, bool), Trouble> {
    let Some(from) = &database.seed else {
        return Ok((Seed::Empty, false));
    };
    let seed = match from {
        SeedSource::Snapshot { name } => return snapshot(scene, name).await,
        SeedSource::Run { run, service } => command(scene, number, run, service).await?,
        files => {
            let tree = source::fetch(scene, number).await?;
            match files {
                SeedSource::Sql { paths } => Seed::Sql(read_all(scene, &tree, paths).await?),
                SeedSource::PgCustom { path } => Seed::PgCustom(read(scene, &tree, path).await?),
                SeedSource::PgDirectory { path, files } => {
                    Seed::PgDirectory(path.clone(), read_all(scene, &tree, files).await?)
                }
                SeedSource::Rdb { path } => Seed::Rdb(read(scene, &tree, path).await?),
                SeedSource::Run { .. } | SeedSource::Snapshot { .. } => Seed::Empty,
            }
        }
    };
    Ok((seed, false))
}

async fn read_all(
    scene: &Scene<'_>,
    tree: &Tree,
    paths: &[String],
) -> Result<Vec<SeedFile>, Trouble> {
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        files.push(read(scene, tree, path).await?);
    }
    Ok(files)
}

async fn read(scene: &Scene<'_>, tree: &Tree, path: &str) -> Result<SeedFile, Trouble> {
    let content = scene
        .ports
        .sources
        .file(tree, path)
        .await
        .map_err(source::trouble)?;
    match content {
        Some(content) => Ok(SeedFile {
            path: path.to_owned(),
            content,
        }),
        None => Err(Trouble::Verdict(diagnosis::seed_missing(path))),
    }
}

async fn command(
    scene: &Scene<'_>,
    number: RevisionNumber,
    run: &Command,
    service: &ServiceName,
) -> Result<Seed, Trouble> {
    let service = source::service(scene, number, service)?;
    let mut spec = environment::service_spec(scene.ports, scene.snapshot, number, service).await?;
    spec.command = Some(run.clone());
    let scope = scope(scene, number, &service.env)?;
    Ok(Seed::Run {
        spec: Box::new(spec),
        scope,
        words: run.0.join(" "),
    })
}

/// What decides the outcome of a command beside its image: whose it is, the service's own variables,
/// and the databases beside it.
fn scope(
    scene: &Scene<'_>,
    number: RevisionNumber,
    env: &BTreeMap<String, String>,
) -> Result<String, Trouble> {
    let whose = environment::build_scope(&scene.snapshot.row);
    let blueprint = scene.revision(number)?.blueprint.as_ref();
    let databases = blueprint.map(|known| &known.databases);
    serde_json::to_string(&(whose, env, databases)).map_err(Trouble::again)
}

async fn snapshot(scene: &Scene<'_>, name: &str) -> Result<(Seed, bool), Trouble> {
    let alone = scene.snapshot.row.desired.origin == Origin::Database;
    match scene.ports.store.snapshot(name).await? {
        // Only what nobody can visit may hold it.
        Some(row) if row.holds == Holds::Real && !alone => {
            let why = "previews are open to whoever has their link";
            Err(Trouble::Verdict(diagnosis::snapshot_real(name, why)))
        }
        Some(row) => Ok((Seed::Snapshot(row.id), row.holds == Holds::Real)),
        None => Err(Trouble::Verdict(diagnosis::snapshot_missing(name))),
    }
}
