//! Runs a revision's migration, watches which tables it locks and rewrites, and keeps its output.

use std::time::{Duration, Instant};

use deploy::{
    blueprint::{Command, Database},
    engine::EngineError,
    names::{DatabaseName, RevisionNumber},
    table_watch::{TableReport, TableWatch},
};

use super::{
    context::{Effect, StepContext, StepError},
    data, source,
};
use crate::{
    clock::wall_ms, diagnosis, logs::migration, preview::environment, store::EventRow, text,
};

/// How many tables of one migration a preview's history names.
const TABLES_MAX: usize = 20;

/// Runs the revision's migration in its service's image.
pub(super) async fn migrate(
    context: &StepContext<'_>,
    number: RevisionNumber,
    name: &DatabaseName,
) -> Result<Effect, StepError> {
    let wanted = data::database(context, number, name)?;
    let Some(migrate) = &wanted.migrate else {
        return Ok(Effect::Done);
    };
    let service = source::service(context, number, &migrate.service)?;
    let mut spec = environment::service_spec(context.ports, context.state, number, service).await?;
    spec.command = Some(migrate.run.clone());
    let task = format!("migrate-{name}");
    let watch = watch(context, number, wanted).await;
    let began = Instant::now();
    let ended = match context.ports.engine.run_to_end(&spec, &task).await {
        Ok(ended) => ended,
        Err(EngineError::Missing(what)) => {
            let store = &context.ports.store;
            store
                .forget_image(context.preview, number, service.name.clone())
                .await?;
            return Err(StepError::transient(format!("{what} is missing")));
        }
        Err(EngineError::Refused { why, .. }) => {
            return Err(StepError::Permanent(diagnosis::migration_refused(
                name, &why,
            )));
        }
        Err(error) => return Err(error.into()),
    };
    let took = began.elapsed();
    let report = match watch {
        Some(watch) => watch.end().await,
        None => TableReport::default(),
    };
    let told = sentences(name, &report, took);
    keep_output(context, number, name, &migrate.run, &ended.output, &told).await;
    if ended.exit_code != 0 {
        let memory_bytes = service.memory_bytes;
        let failed =
            diagnosis::migration_failed(name, migrate, memory_bytes, &ended, context.way());
        return Err(StepError::Permanent(failed));
    }
    tell(context, number, told).await;
    let store = &context.ports.store;
    store
        .set_migrated(context.preview, number, name.clone())
        .await?;
    Ok(Effect::Done)
}

/// Watches the tables, where that is possible: a migration also runs unwatched.
async fn watch(
    context: &StepContext<'_>,
    number: RevisionNumber,
    wanted: &Database,
) -> Option<Box<dyn TableWatch>> {
    let generation = context.revision(number).ok()?.generation?;
    let spec = data::spec(context, generation, wanted).await.ok()?;
    match context.ports.databases.watch_tables(&spec).await {
        Ok(watch) => watch,
        Err(error) => {
            tracing::warn!(
                preview = %context.preview,
                %error,
                "cannot watch the migration; its table locks are not reported"
            );
            None
        }
    }
}

/// The tables that a migration rewrote or locked, each with the time it took.
fn sentences(name: &DatabaseName, report: &TableReport, took: Duration) -> Vec<(String, Duration)> {
    let rewritten = report.rewritten.iter().map(|rewritten| {
        let (table, mb) = (&rewritten.table, rewritten.bytes as f64 / 1e6);
        let table = text::plain(table);
        (
            format!("migrate {name} rewrites {table} ({mb:.1} MB)"),
            took,
        )
    });
    let locked = report.locked.iter().map(|locked| {
        let (table, lock) = (text::plain(&locked.table), locked.lock);
        (
            format!("migrate {name} locks {table} against {lock}"),
            locked.held,
        )
    });
    rewritten.chain(locked).take(TABLES_MAX).collect()
}

async fn tell(context: &StepContext<'_>, number: RevisionNumber, told: Vec<(String, Duration)>) {
    for (step, took) in told {
        let event = EventRow {
            revision: Some(number.0),
            at_ms: wall_ms(),
            step,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            note: None,
        };
        let store = &context.ports.store;
        if let Err(error) = store.add_event(context.preview, Some(number), event).await {
            tracing::warn!(%error, "cannot store an event of the history; it is lost");
        }
    }
}

async fn keep_output(
    context: &StepContext<'_>,
    number: RevisionNumber,
    name: &DatabaseName,
    run: &Command,
    output: &[String],
    told: &[(String, Duration)],
) {
    let mut lines = vec![format!("$ {}", run.0.join(" "))];
    lines.extend(output.iter().cloned());
    lines.extend(
        told.iter()
            .map(|(sentence, took)| format!("# {sentence}, {:.1} s", took.as_secs_f64())),
    );
    let logs = &context.ports.settings.logs;
    let path = migration::path(logs, context.preview, number, name);
    if let Err(error) = migration::keep_log(&path, &lines).await {
        tracing::warn!(%error, "cannot store the output of a migration; it is lost");
    }
}
