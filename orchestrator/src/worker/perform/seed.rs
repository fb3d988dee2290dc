//! Reads the seed of a database from the commit, or from the server's named snapshots.

use std::collections::BTreeMap;

use deploy::{
    blueprint::{Command, Database, SeedSource},
    databases::{Seed, SeedFile, SqlSeed},
    names::{RevisionNumber, ServiceName},
    source::Tree,
};

use super::{
    context::{StepContext, StepError},
    source,
};
use crate::{
    diagnosis,
    preview::{environment, named_snapshots},
    store::Holds,
};

/// The seed of a database, and whether it is data of real people.
pub(super) async fn seed(
    context: &StepContext<'_>,
    number: RevisionNumber,
    database: &Database,
) -> Result<(Seed, bool), StepError> {
    let Some(from) = &database.seed else {
        return Ok((Seed::Empty, false));
    };
    let seed = match from {
        SeedSource::Snapshot { name } => return snapshot(context, (database, name)).await,
        SeedSource::Run { run, service } => command(context, number, run, service).await?,
        files => {
            let tree = source::fetch(context, number).await?;
            match files {
                SeedSource::Sql { paths, beside } => Seed::Sql(SqlSeed::new(
                    read_all(context, &tree, paths).await?,
                    read_all(context, &tree, beside).await?,
                )),
                SeedSource::PgCustom { path } => Seed::PgCustom(read(context, &tree, path).await?),
                SeedSource::PgDirectory { path, files } => {
                    Seed::PgDirectory(path.clone(), read_all(context, &tree, files).await?)
                }
                SeedSource::Rdb { path } => Seed::Rdb(read(context, &tree, path).await?),
                SeedSource::Run { .. } | SeedSource::Snapshot { .. } => Seed::Empty,
            }
        }
    };
    Ok((seed, false))
}

async fn read_all(
    context: &StepContext<'_>,
    tree: &Tree,
    paths: &[String],
) -> Result<Vec<SeedFile>, StepError> {
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        files.push(read(context, tree, path).await?);
    }
    Ok(files)
}

async fn read(context: &StepContext<'_>, tree: &Tree, path: &str) -> Result<SeedFile, StepError> {
    let content = context
        .ports
        .sources
        .file(tree, path)
        .await
        .map_err(|error| source::step_error(context, error))?;
    match content {
        Some(content) => Ok(SeedFile {
            path: path.to_owned(),
            content,
        }),
        None => Err(StepError::Permanent(diagnosis::seed_missing(
            path,
            context.way(),
        ))),
    }
}

async fn command(
    context: &StepContext<'_>,
    number: RevisionNumber,
    run: &Command,
    service: &ServiceName,
) -> Result<Seed, StepError> {
    let service = source::service(context, number, service)?;
    let mut spec = environment::service_spec(context.ports, context.state, number, service).await?;
    spec.command = Some(run.clone());
    let scope = scope(context, number, &service.env)?;
    Ok(Seed::Run {
        spec: Box::new(spec),
        scope,
        words: run.0.join(" "),
    })
}

/// The inputs of a seed command beside its image: its build scope, the service's own variables, and
/// the databases of the revision.
fn scope(
    context: &StepContext<'_>,
    number: RevisionNumber,
    env: &BTreeMap<String, String>,
) -> Result<String, StepError> {
    let whose = environment::build_scope(&context.state.row);
    let blueprint = context.revision(number)?.blueprint.as_ref();
    let databases = blueprint.map(|known| &known.databases);
    serde_json::to_string(&(whose, env, databases)).map_err(StepError::transient)
}

async fn snapshot(
    context: &StepContext<'_>,
    of: (&Database, &str),
) -> Result<(Seed, bool), StepError> {
    let origin = context.state.row.desired.origin;
    match named_snapshots::find(&context.ports.store, origin, of).await? {
        Ok(row) => Ok((Seed::Snapshot(row.id), row.holds == Holds::Real)),
        Err(unusable) => Err(StepError::Permanent(unusable.diagnosis())),
    }
}
