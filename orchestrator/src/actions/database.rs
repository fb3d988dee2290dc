//! Creates a standalone database.

use std::collections::{BTreeMap, BTreeSet};

use deploy::{
    blueprint::{
        Blueprint, BlueprintVersion, Database, DatabaseKind, OnPush, SeedSource, known_kind,
    },
    names::{CommitSha, DatabaseName, PreviewId, RevisionNumber},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    caller::{Action, Caller},
    fork_capture::{add, fresh_id},
    hours,
    refused::Refused,
};
use crate::{
    clock::wall_ms,
    lifecycle::{Head, Origin},
    store::{Inherited, NewCopy, NewRevision},
    worker::{Ports, Workers},
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
pub struct DatabaseRequest {
    /// The engine and its version, such as `postgres:15`.
    pub engine: String,
    /// The name of a snapshot to start from.
    #[serde(default)]
    pub snapshot: Option<String>,
    /// Its lifetime in hours.
    #[serde(default)]
    pub hours: Option<u64>,
}

/// Creates a standalone database.
pub async fn create(
    caller: Caller,
    workers: &Workers,
    request: DatabaseRequest,
) -> Result<PreviewId, Refused> {
    caller.check(Action::CreateDatabase)?;
    let ports = workers.ports();
    let (kind, image) = known_kind(&request.engine).map_err(Refused::invalid)?;
    let hours = request.hours.unwrap_or(HOURS_DEFAULT);
    hours::check(hours, HOURS_MAX)?;
    if let Some(name) = &request.snapshot {
        check_snapshot(ports, name, &kind).await?;
    }
    let name = DatabaseName::parse("main").map_err(|e| Refused::invalid(e.to_string()))?;
    let database = Database {
        name,
        kind,
        image,
        seed: request.snapshot.map(|name| SeedSource::Snapshot { name }),
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
    let commit = CommitSha::parse(&digest).map_err(|e| Refused::invalid(e.to_string()))?;
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
            title: request.engine.clone(),
        },
        note: None,
        path: None,
        expires_at_ms: Some(hours::end_ms(now_ms, hours)),
    };
    add(ports, new, Some(first(commit, database)), now_ms).await?;
    workers.wake(&id);
    Ok(id)
}

/// Fails if the snapshot does not exist, or holds data of another engine.
async fn check_snapshot(ports: &Ports, name: &str, kind: &DatabaseKind) -> Result<(), Refused> {
    let Some(row) = ports.store.snapshot(name).await? else {
        return Err(Refused::not_found(format!(
            "there is no snapshot {name:?}; `dayfly snapshot ls` shows all"
        )));
    };
    let there = ports.databases.snapshots().await;
    let there = there.map_err(Refused::outside)?;
    match there.iter().find(|state| state.id == row.id) {
        Some(state) if state.kind != *kind => Err(Refused::invalid(format!(
            "the snapshot {name:?} holds data of {}; create the database with that engine",
            state.image
        ))),
        _ => Ok(()),
    }
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
