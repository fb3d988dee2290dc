//! Recreates databases from their seeds.

use std::collections::BTreeSet;

use deploy::names::DatabaseName;
use serde::{Deserialize, Serialize};

use super::{
    caller::{Action, Caller},
    change::{change, refused},
    refused::Refused,
};
use crate::{
    lifecycle::{Observed, current_revision},
    preview::{current, named_snapshots},
    store::PreviewRow,
    worker::{Ports, Workers},
};

/// The databases to recreate from their seeds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetRequest {
    /// The database; none means all.
    #[serde(default)]
    pub database: Option<DatabaseName>,
}

/// Recreates databases from their seeds, beside the serving ones. Can be undone.
pub async fn reset(
    caller: Caller,
    workers: &Workers,
    row: &PreviewRow,
    request: ResetRequest,
) -> Result<(), Refused> {
    caller.check(Action::Reset)?;
    let ports = workers.ports();
    let observed = current::observed(ports, row).await?;
    row.desired
        .settled_head(&observed)
        .map_err(|unready| refused(ports, row, unready))?;
    let known: BTreeSet<_> = current::shown(row, &observed)
        .iter()
        .flat_map(|revision| revision.databases())
        .map(|database| database.name.clone())
        .collect();
    if known.is_empty() {
        return Err(Refused::conflict(format!("{} has no database", row.id)));
    }
    let unknown = |name: &&DatabaseName| !known.contains(*name);
    if let Some(name) = request.database.as_ref().filter(unknown) {
        let names: Vec<_> = known.iter().map(|name| name.as_str()).collect();
        return Err(Refused::not_found(format!(
            "{} has no database {name}; it has {}",
            row.id,
            names.join(", ")
        )));
    }
    check_snapshots(ports, row, &observed).await?;
    let only = request.database.map(|name| BTreeSet::from([name]));
    change(workers, row, move |desired| desired.reset(&observed, only)).await
}

/// Fails if the commit that would run again names a snapshot that cannot be used.
async fn check_snapshots(
    ports: &Ports,
    row: &PreviewRow,
    observed: &Observed,
) -> Result<(), Refused> {
    let head = current_revision(&row.desired, observed);
    let head = head.filter(|revision| revision.blueprint.is_some());
    let again = head.or_else(|| current::shown(row, observed));
    let Some(blueprint) = again.and_then(|revision| revision.blueprint.as_ref()) else {
        return Ok(());
    };
    let origin = row.desired.origin;
    let unusable = named_snapshots::first_unusable(&ports.store, origin, blueprint).await?;
    let Some(unusable) = unusable else {
        return Ok(());
    };
    let nearest = unusable.nearest(&ports.store).await?;
    let nearest = nearest.map_or_else(String::new, |name| format!("; did you mean {name}?"));
    Err(Refused::conflict(format!(
        "nothing is changed: {unusable}{nearest}"
    )))
}
