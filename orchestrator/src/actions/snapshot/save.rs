//! Saves a database's data as a named snapshot.

use std::sync::Arc;

use deploy::{
    blueprint::SeedSource,
    databases::SnapshotState,
    names::{DatabaseKey, DatabaseName, PreviewId},
};
use serde::{Deserialize, Serialize};

use super::name::{Label, check_name, name_snapshot, to_the_end};
use crate::{
    actions::{Action, Caller, Refused},
    lifecycle::Origin,
    preview::current,
    store::{Holds, SnapshotRow},
    worker::Ports,
};

/// The request to save a database's data as a named snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaveRequest {
    /// The preview.
    pub preview: PreviewId,
    /// The database; required if the preview has several.
    #[serde(default)]
    pub database: Option<DatabaseName>,
    /// The name of the snapshot.
    pub name: String,
    /// The kind of data that it holds.
    #[serde(default)]
    pub holds: Option<Holds>,
    /// The person responsible for it.
    pub owner: String,
    /// Its lifetime in days.
    #[serde(default)]
    pub days: Option<u64>,
}

/// Saves a copy of a database's data. The database keeps running.
pub async fn save(
    caller: Caller,
    ports: &Arc<Ports>,
    request: SaveRequest,
) -> Result<(SnapshotState, SnapshotRow), Refused> {
    caller.check(Action::SaveSnapshot)?;
    check_name(&request.name)?;
    let none = || Refused::not_found(format!("there is no preview {}", request.preview));
    let row = ports.store.preview(&request.preview).await?;
    let row = row.ok_or_else(none)?;
    let observed = current::observed(ports, &row).await?;
    let revision = current::shown(&row, &observed);
    let complete = revision
        .and_then(|revision| revision.generation)
        .and_then(|generation| Some((generation, observed.generations.get(&generation)?)));
    let Some((generation, facts)) = complete else {
        return Err(Refused::conflict(format!("{} has no data yet", row.id)));
    };
    let name = match (&request.database, facts.complete.first()) {
        (Some(name), _) if facts.complete.contains(name) => name.clone(),
        (None, Some(only)) if facts.complete.len() == 1 => only.clone(),
        _ => {
            let names: Vec<_> = facts.complete.iter().map(|name| name.as_str()).collect();
            let names = names.join(", ");
            return Err(Refused::invalid(format!(
                "name one of the databases of {}: {names}",
                row.id
            )));
        }
    };
    // Data that does not come from a seed in the repository may be of any kind.
    let mut databases = revision.iter().flat_map(|facts| facts.databases());
    let brought = databases.any(|d| matches!(d.seed, Some(SeedSource::Snapshot { .. })));
    let holds = match request.holds {
        Some(holds) => holds,
        None if brought || !matches!(row.desired.origin, Origin::PullRequest | Origin::Local) => {
            return Err(Refused::invalid(
                "choose the kind of data: `--as synthetic`, `--as masked` or `--as real`",
            ));
        }
        None => Holds::Synthetic,
    };
    let key = DatabaseKey {
        preview: row.id.clone(),
        generation,
        name,
    };
    let source = format!("database {} of {}", key.name, row.id);
    let label = Label {
        name: request.name,
        holds,
        owner: request.owner,
        days: request.days,
    };
    let ports = Arc::clone(ports);
    to_the_end(async move {
        let saved = ports.databases.save(&key, &source).await?;
        let row = name_snapshot(&ports, &saved, label).await?;
        Ok((saved, row))
    })
    .await
}
