//! `POST /api/v1/databases`: creates a standalone database. Also: how to connect to a database.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use deploy::{
    blueprint::{
        Blueprint, BlueprintVersion, Database, DatabaseKind, OnPush, SeedSource, known_kind,
    },
    data_access::ConnectionInfo,
    databases::{DatabaseError, DatabaseSpec, url},
    engine::EngineError,
    names::{CommitSha, DatabaseKey, DatabaseName, PreviewId, RevisionNumber},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    describe::describe_again, extract::Said, problem::Problem, state::ApiState, view::PreviewView,
};
use crate::{
    clock::wall_ms,
    lifecycle::{Head, Origin, Outcome, RevisionFacts, Wanted},
    preview::{
        current,
        fork_capture::{add, fresh_id},
    },
    store::{Inherited, NewCopy, NewRevision, PreviewRow},
    text,
    worker::Ports,
};

/// The slug of standalone databases.
const SLUG: &str = "db";
/// Memory limit of a standalone database, including swap.
const MEMORY_BYTES: u64 = 512 << 20;
/// Maximum lifetime of a standalone database, in hours.
const HOURS_MAX: u64 = 24 * 90;
const HOURS_DEFAULT: u64 = 24;

/// The request for a standalone database.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseBody {
    /// The engine and its version, such as `postgres:15`.
    pub engine: String,
    /// The name of a snapshot to start from.
    #[serde(default)]
    pub snapshot: Option<String>,
    /// Its lifetime in hours.
    #[serde(default)]
    pub hours: Option<u64>,
}

/// How to connect to a database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConnectionView {
    /// The container that it runs in.
    pub container: Option<String>,
    /// The client in that container: program and arguments.
    pub client: Vec<String>,
    /// Variables that the client needs; they hold the password.
    pub env: Vec<String>,
    /// The address at which this host reaches it.
    pub address: Option<SocketAddr>,
    /// Its URL, with `HOST:PORT` instead of its address.
    pub url: String,
}

/// Fails if the snapshot does not exist, or holds data of another engine.
async fn check_snapshot(ports: &Ports, name: &str, kind: &DatabaseKind) -> Result<(), Problem> {
    let Some(row) = ports.store.snapshot(name).await? else {
        return Err(Problem::not_found(format!(
            "there is no snapshot {name:?}; `dayfly snapshot ls` shows all"
        )));
    };
    let there = ports.databases.snapshots().await;
    let there = there.map_err(|e| Problem::new(StatusCode::BAD_GATEWAY, e.to_string()))?;
    match there.iter().find(|state| state.id == row.id) {
        Some(state) if state.kind != *kind => Err(Problem::bad_request(format!(
            "the snapshot {name:?} holds data of {}; create the database with that engine",
            state.image
        ))),
        _ => Ok(()),
    }
}

/// Creates a standalone database.
pub(super) async fn create(
    State(state): State<ApiState>,
    Said(body): Said<DatabaseBody>,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    let ports = state.workers.ports();
    let (kind, image) = known_kind(&body.engine).map_err(Problem::bad_request)?;
    let hours = body.hours.unwrap_or(HOURS_DEFAULT);
    if !(1..=HOURS_MAX).contains(&hours) {
        return Err(Problem::bad_request(format!(
            "`hours` must be from 1 to {HOURS_MAX}"
        )));
    }
    if let Some(name) = &body.snapshot {
        check_snapshot(ports, name, &kind).await?;
    }
    let name = DatabaseName::parse("main").map_err(|e| Problem::bad_request(e.to_string()))?;
    let database = Database {
        name,
        kind,
        image,
        seed: body.snapshot.map(|name| SeedSource::Snapshot { name }),
        seed_digest: None,
        migrate: None,
        on_push: OnPush::Keep,
        migrations: None,
        url_variable: "DATABASE_URL".to_owned(),
        memory_bytes: MEMORY_BYTES,
    };
    let id = fresh_id(SLUG, 'd')?;
    // It has no commit, so its id stands for one.
    let digest = hex::encode(Sha256::digest(id.as_str()));
    let commit = CommitSha::parse(&digest).map_err(|e| Problem::bad_request(e.to_string()))?;
    let now_ms = wall_ms();
    let nothing = String::new;
    let new = NewCopy {
        id: id.clone(),
        slug: SLUG.to_owned(),
        origin: Origin::Database,
        parent: None,
        repository: None,
        head: Head {
            commit: commit.clone(),
            branch: nothing(),
            base: nothing(),
            author: nothing(),
            title: body.engine.clone(),
        },
        note: None,
        path: None,
        expires_at_ms: Some(now_ms.saturating_add(hours.saturating_mul(3_600_000))),
    };
    add(ports, new, Some(first(commit, database)), now_ms).await?;
    state.workers.wake(&id);
    let view = describe_again(ports, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}

/// Its only revision, with the blueprint that a commit would contain.
fn first(commit: CommitSha, database: Database) -> NewRevision {
    let blueprint = Blueprint {
        version: BlueprintVersion::default(),
        origin: "a database alone".to_owned(),
        services: Vec::new(),
        databases: vec![database],
        notes: Vec::new(),
        missing: Vec::new(),
    };
    NewRevision {
        number: RevisionNumber(1),
        commit,
        request: 0,
        inherited: Inherited::This {
            blueprint: Box::new(blueprint),
            images: BTreeMap::new(),
            migrated: BTreeSet::new(),
        },
    }
}

/// The preview has no such database, or has several and none was named.
fn unknown(preview: &PreviewId, wanted: &str, there: &[&str]) -> Problem {
    let names = there.join(", ");
    Problem::not_found(match (there, wanted) {
        ([], _) => format!("{preview} has no database"),
        (_, "-") => format!("name one of the databases of {preview}: {names}"),
        _ => {
            let shown = text::asked(wanted);
            format!("{preview} has no database {shown:?}; it has {names}")
        }
    })
}

/// How to connect to a database of a preview.
pub(super) async fn reach(
    State(state): State<ApiState>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Json<ConnectionView>, Problem> {
    let ports = state.workers.ports();
    let none =
        |what: &str| Problem::not_found(format!("there is no {what}; `dayfly ls` shows all"));
    let id = PreviewId::parse(&id).map_err(|_| none("such preview"))?;
    let row = ports.store.preview(&id).await?;
    let row = row.ok_or_else(|| none("such preview"))?;
    if row.desired.origin == Origin::Capture {
        return Err(Problem::conflict(format!(
            "{id} is a capture and does not run; `dayfly fork {id}` opens a copy of it"
        )));
    }
    let observed = current::observed(ports, &row).await?;
    let revision = current::shown(&row, &observed);
    if let Some(why) = unread(&row, revision) {
        return Err(Problem::conflict(why));
    }
    let databases: Vec<_> = revision
        .iter()
        .flat_map(|facts| facts.databases())
        .collect();
    let names: Vec<_> = databases.iter().map(|known| known.name.as_str()).collect();
    let wanted = match name.as_str() {
        "-" => databases.first().filter(|_| databases.len() == 1),
        name => databases.iter().find(|known| known.name.as_str() == name),
    };
    let wanted = wanted.ok_or_else(|| unknown(&id, &name, &names))?;
    let away = |complete| {
        let why = not_running(&id, &wanted.name, complete, failed(revision));
        Problem::conflict(why)
    };
    let generation = revision.and_then(|facts| facts.generation);
    let generation = generation.ok_or_else(|| away(false))?;
    let rows = ports.store.databases(&id).await?;
    let password = rows
        .into_iter()
        .find(|row| row.generation == generation && row.name == wanted.name)
        .map(|row| SecretString::from(row.password));
    let complete = observed.is_complete(generation, &wanted.name);
    let password = password.ok_or_else(|| away(complete))?;
    let spec = DatabaseSpec {
        key: DatabaseKey {
            preview: id.clone(),
            generation,
            name: wanted.name.clone(),
        },
        kind: wanted.kind.clone(),
        image: wanted.image.clone(),
        password,
        memory_bytes: wanted.memory_bytes,
        cpu_milli: 0,
    };
    let info = ports.data_access.reach(&spec).await;
    let info = info.map_err(|error| match error {
        DatabaseError::Engine(EngineError::Missing(_)) => away(complete),
        error => Problem::new(StatusCode::BAD_GATEWAY, error.to_string()),
    })?;
    let url = url(&spec.kind, &wanted.name, &spec.password, Some("HOST:PORT"));
    Ok(Json(view(info, url)))
}

fn failed(revision: Option<&RevisionFacts>) -> bool {
    let outcome = revision.and_then(|facts| facts.outcome.as_ref());
    matches!(outcome, Some(Outcome::Failed(_)))
}

/// Why the databases of a preview are unknown.
fn unread(row: &PreviewRow, revision: Option<&RevisionFacts>) -> Option<String> {
    let id = &row.id;
    if let Wanted::Nothing(_) = row.desired.wanted {
        return Some(match row.gone_at_ms {
            Some(_) => format!("{id} was removed, including its databases"),
            None => format!("{id} is being removed, including its databases"),
        });
    }
    if revision.is_some_and(|facts| facts.blueprint.is_some()) {
        return None;
    }
    Some(match failed(revision) {
        true => format!("{id} failed before its databases were known; `dayfly show {id}` says why"),
        false => format!("the databases of {id} are not known yet"),
    })
}

/// Why a database of a preview cannot be reached.
fn not_running(id: &PreviewId, name: &DatabaseName, complete: bool, failed: bool) -> String {
    match (failed, complete) {
        (true, false) => {
            format!(
                "database {name} was not created, since {id} failed; `dayfly show {id}` says why"
            )
        }
        (true, true) => {
            format!(
                "database {name} is not running, since {id} failed; `dayfly show {id}` says why"
            )
        }
        (false, false) => format!("database {name} is not created yet"),
        (false, true) => format!("database {name} is not running at the moment"),
    }
}

fn view(info: ConnectionInfo, url: String) -> ConnectionView {
    let (mut container, mut client, mut env) = (None, Vec::new(), Vec::new());
    if let Some(command) = info.client {
        container = Some(command.container);
        client = command.arguments;
        env = command.env;
    }
    ConnectionView {
        container,
        client,
        env,
        address: info.address,
        url,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_was_not_made_is_told_from_one_that_was_stopped_and_from_one_to_come() {
        let id = PreviewId::parse("shop-1").unwrap();
        let name = DatabaseName::parse("main").unwrap();
        for (complete, failed, words, not) in [
            (false, true, "was not created, since shop-1 failed", "yet"),
            (true, true, "is not running, since shop-1 failed", "created"),
            (false, false, "is not created yet", "failed"),
            (true, false, "is not running at the moment", "failed"),
        ] {
            let said = not_running(&id, &name, complete, failed);
            assert!(said.contains(words) && !said.contains(not), "{said}");
        }
    }
}
