//! Selects and reads the output of services, a database, builds or migrations.

use std::sync::Arc;

use bytes::Bytes;
use deploy::{
    blueprint::{Blueprint, Service},
    engine::{EngineError, ServiceKey},
    names::{DatabaseKey, DatabaseName, ServiceName},
};
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{
    caller::{Action, Caller},
    refused::Refused,
};
use crate::{
    lifecycle::{Attempt, Outcome, RevisionFacts, Wanted},
    logs::{
        follow::{self, BuildTail},
        migration, service,
    },
    preview::current::{observed, shown},
    store::PreviewRow,
    text,
    worker::Ports,
};

const TAIL_DEFAULT: usize = 1_000;
const TAIL_MAX: usize = 100_000;

/// The lines to send.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogsRequest {
    /// One service, or one database; all services where absent.
    pub service: Option<String>,
    /// Keep sending new lines.
    #[serde(default)]
    pub follow: bool,
    /// Send the output of the build instead of the service.
    #[serde(default)]
    pub build: bool,
    /// Send the output of the last migrations and their effect on tables; `service` then names a
    /// database.
    #[serde(default)]
    pub migrations: bool,
    /// Send the output of the services of the newest failed revision.
    #[serde(default)]
    pub failed: bool,
    /// How many past lines to start with.
    pub tail: Option<usize>,
}

/// Lines of text, including their line ends.
pub type Lines = BoxStream<'static, Bytes>;

/// The requested lines of a preview, one stream per service or database.
///
/// # Errors
/// If there are none, or the request names an unknown service.
pub async fn logs(
    caller: Caller,
    ports: &Arc<Ports>,
    shutdown: &CancellationToken,
    row: &PreviewRow,
    request: &LogsRequest,
) -> Result<Vec<Lines>, Refused> {
    caller.check(Action::ReadLogs)?;
    match (request.build, request.migrations) {
        (true, _) => builds(ports, shutdown, row, request).await,
        (false, true) => migrations(ports, row, request).await,
        (false, false) => services(ports, row, request).await,
    }
}

/// The output of the services of one revision.
async fn services(
    ports: &Ports,
    row: &PreviewRow,
    request: &LogsRequest,
) -> Result<Vec<Lines>, Refused> {
    let (facts, blueprint) = match request.failed {
        true => revision_that_failed(ports, row).await?,
        false => revision_of_services(ports, row).await?,
    };
    let tail = request.tail.unwrap_or(TAIL_DEFAULT).min(TAIL_MAX);
    // A standalone database has no services to show.
    let only = blueprint.databases.first();
    let only = only.filter(|_| blueprint.services.is_empty());
    let wanted = request
        .service
        .as_deref()
        .or(only.map(|database| database.name.as_str()));
    let mut databases = blueprint.databases.iter().map(|database| &database.name);
    if let Some(name) = databases.find(|name| Some(name.as_str()) == wanted) {
        return database(ports, row, &facts, name, (tail, request.follow)).await;
    }
    let all = blueprint.services.iter().map(|service| &service.name);
    let databases = blueprint
        .databases
        .iter()
        .map(|database| database.name.as_str());
    let names = choose(all, databases, wanted)?;
    let mut streams = Vec::new();
    for name in &names {
        let key = ServiceKey {
            preview: row.id.clone(),
            revision: facts.number,
            service: name.clone(),
        };
        let prefix = follow::prefix(&names, name);
        match ports.engine.logs(&key, tail, request.follow).await {
            Ok(lines) => streams.push(live(lines, prefix)),
            Err(EngineError::Missing(_)) => {
                streams.extend(kept(ports, &key, tail, &prefix).await);
            }
            Err(error) => return Err(Refused::outside(error)),
        }
    }
    if streams.is_empty() {
        return Err(nothing_printed(row, &facts, &names));
    }
    Ok(streams)
}

/// The output of the server of one database, while its container exists.
async fn database(
    ports: &Ports,
    row: &PreviewRow,
    facts: &RevisionFacts,
    name: &DatabaseName,
    (tail, follow): (usize, bool),
) -> Result<Vec<Lines>, Refused> {
    let id = &row.id;
    let rests = || {
        Refused::not_found(format!(
            "database {name} of {id} is not running; `dayfly show {id}` shows its state"
        ))
    };
    let key = DatabaseKey {
        preview: id.clone(),
        generation: facts.generation.ok_or_else(rests)?,
        name: name.clone(),
    };
    match ports.data_access.server_logs(&key, tail, follow).await {
        Ok(lines) => Ok(vec![live(lines, String::new())]),
        Err(EngineError::Missing(_)) => Err(rests()),
        Err(error) => Err(Refused::outside(error)),
    }
}

fn nothing_ran(row: &PreviewRow) -> Refused {
    let id = &row.id;
    if matches!(row.desired.wanted, Wanted::Nothing(_)) {
        return Refused::not_found(format!("{id} was removed, including its logs"));
    }
    Refused::not_found(format!(
        "no service of {id} has run yet; `dayfly show {id}` shows its state"
    ))
}

/// Why there is no output of these services.
fn nothing_printed(row: &PreviewRow, facts: &RevisionFacts, names: &[ServiceName]) -> Refused {
    let ran = |name: &&ServiceName| {
        facts
            .attempts
            .contains_key(&Attempt::Start((*name).clone()))
    };
    let ran: Vec<&str> = names.iter().filter(ran).map(ServiceName::as_str).collect();
    if ran.is_empty() || matches!(row.desired.wanted, Wanted::Nothing(_)) {
        return nothing_ran(row);
    }
    let (number, id) = (facts.number, &row.id);
    Refused::not_found(format!(
        "{} was started for revision {number} of {id}, but none of its output was kept",
        ran.join(", ")
    ))
}

/// The newest failed revision, if it started any service.
async fn revision_that_failed(
    ports: &Ports,
    row: &PreviewRow,
) -> Result<(RevisionFacts, Blueprint), Refused> {
    let id = &row.id;
    let revisions = ports.store.revisions(id).await?.into_iter().rev();
    let mut failed = revisions
        .map(|revision| revision.facts)
        .filter(|facts| matches!(facts.outcome, Some(Outcome::Failed(_))));
    let facts = failed
        .next()
        .ok_or_else(|| Refused::not_found(format!("no revision of {id} has failed")))?;
    let started = |attempt: &Attempt| matches!(attempt, Attempt::Start(_));
    match facts.blueprint.clone() {
        Some(blueprint) if facts.attempts.keys().any(started) => Ok((facts, blueprint)),
        _ => Err(Refused::not_found(format!(
            "revision {} of {id} failed before it started any service; `dayfly show {id}` says why",
            facts.number
        ))),
    }
}

/// The serving revision, else the current one, else the last one.
async fn revision_of_services(
    ports: &Ports,
    row: &PreviewRow,
) -> Result<(RevisionFacts, Blueprint), Refused> {
    let observed = observed(ports, row).await?;
    let found = match shown(row, &observed) {
        Some(facts) => Some(facts.clone()),
        None => ports
            .store
            .revisions(&row.id)
            .await?
            .pop()
            .map(|revision| revision.facts),
    };
    let with_blueprint = found.and_then(|facts| Some((facts.clone(), facts.blueprint?)));
    with_blueprint.ok_or_else(|| nothing_ran(row))
}

fn live(lines: deploy::engine::LogStream, prefix: String) -> Lines {
    lines
        .map(move |line| match line {
            Ok(line) => follow::line(&prefix, &String::from_utf8_lossy(&line.text)),
            Err(error) => follow::line(&prefix, &format!("… the log ends here: {error}")),
        })
        .boxed()
}

/// The last lines of a removed container; none if no lines were kept.
async fn kept(ports: &Ports, key: &ServiceKey, tail: usize, prefix: &str) -> Option<Lines> {
    let path = service::path(&ports.settings.logs, key);
    let content = tokio::fs::read(path).await.ok()?;
    let content = String::from_utf8_lossy(&content);
    let lines: Vec<&str> = content.lines().collect();
    let skip = lines.len().saturating_sub(tail);
    let lines: Vec<Bytes> = lines
        .into_iter()
        .skip(skip)
        .map(|line| follow::line(prefix, line))
        .collect();
    Some(stream::iter(lines).boxed())
}

/// The output of the builds of one revision.
async fn builds(
    ports: &Arc<Ports>,
    shutdown: &CancellationToken,
    row: &PreviewRow,
    request: &LogsRequest,
) -> Result<Vec<Lines>, Refused> {
    let found = follow::revision_with_blueprint(ports, shutdown, row, request.follow).await?;
    let Some((revision, blueprint)) = found else {
        let id = &row.id;
        return Err(Refused::not_found(format!("{id} has no builds yet")));
    };
    let services = &blueprint.services;
    // Services with the same image source share one build, in the name of the first service.
    let first = |service: &Service| {
        let mut same = services.iter().filter(|other| other.image == service.image);
        same.next().map(|first| first.name.clone())
    };
    let wanted = request.service.as_deref().map(|wanted| {
        let mut known = services.iter().filter(|s| s.name.as_str() == wanted);
        let built_for = known.next().and_then(first);
        built_for.map_or_else(|| wanted.to_owned(), |name| name.to_string())
    });
    let built = services
        .iter()
        .filter(|service| first(service).as_ref() == Some(&service.name))
        .map(|service| &service.name);
    let names = choose(built, std::iter::empty(), wanted.as_deref())?;
    let streams = names.iter().map(|name| {
        let prefix = follow::prefix(&names, name);
        let key = ServiceKey {
            preview: row.id.clone(),
            revision,
            service: name.clone(),
        };
        let tail = request.tail.map(|tail| tail.min(TAIL_MAX));
        BuildTail::new(ports, shutdown, key, prefix, request.follow, tail).lines()
    });
    Ok(streams.collect())
}

/// The output of the migrations of the newest revision that ran any.
async fn migrations(
    ports: &Ports,
    row: &PreviewRow,
    request: &LogsRequest,
) -> Result<Vec<Lines>, Refused> {
    let revisions = ports.store.revisions(&row.id).await?;
    for facts in revisions.iter().rev().map(|revision| &revision.facts) {
        let wanted = facts
            .databases()
            .map(|database| &database.name)
            .filter(|name| {
                let asked = request.service.as_deref();
                asked.is_none_or(|asked| name.as_str() == asked)
            });
        let mut streams = Vec::new();
        for name in wanted {
            let path = migration::path(&ports.settings.logs, &row.id, facts.number, name);
            let Ok(content) = tokio::fs::read_to_string(path).await else {
                continue;
            };
            let first = format!("{name}, {}", facts.number);
            let lines = std::iter::once(first.as_str()).chain(content.lines());
            let lines: Vec<_> = lines.map(|line| follow::line("", line)).collect();
            streams.push(stream::iter(lines).boxed());
        }
        if !streams.is_empty() {
            return Ok(streams);
        }
    }
    let id = &row.id;
    Err(Refused::not_found(format!(
        "no migration of {id} has run yet"
    )))
}

/// The requested services. `others` are the other names that a caller may request.
fn choose<'a>(
    all: impl Iterator<Item = &'a ServiceName>,
    others: impl Iterator<Item = &'a str>,
    wanted: Option<&str>,
) -> Result<Vec<ServiceName>, Refused> {
    let all: Vec<ServiceName> = all.cloned().collect();
    let Some(wanted) = wanted else { return Ok(all) };
    if let Some(name) = all.iter().find(|name| name.as_str() == wanted) {
        return Ok(vec![name.clone()]);
    }
    let mut names: Vec<String> = all.iter().map(ToString::to_string).collect();
    names.extend(others.map(ToOwned::to_owned));
    let wanted = text::asked(wanted);
    Err(Refused::not_found(format!(
        "there is no {wanted:?} here; known names: {}",
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    )))
}
