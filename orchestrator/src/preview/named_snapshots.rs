//! Checks that the snapshots that a `dayfly.toml` names exist and may be used.

use deploy::blueprint::{Blueprint, Database, SeedSource, engine_words, nearest};

use crate::{
    diagnosis,
    lifecycle::{Diagnosis, Origin},
    store::{Holds, SnapshotRow, Store, StoreError},
};

/// Why a preview cannot start from a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// No snapshot has the name.
    #[error("the server has no snapshot called {0}")]
    Missing(String),
    /// It holds data of real people, and visitors can open the preview.
    #[error("the snapshot {name} holds real data, and anyone with its link can open a preview")]
    Real {
        /// The snapshot's name.
        name: String,
        /// The `--engine` of an import for the database that names it.
        engine: String,
    },
}

impl Unusable {
    /// The diagnosis that everyone with access to the preview sees. It suggests no other snapshot,
    /// because all repositories of the server share the names.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Missing(name) => diagnosis::snapshot_missing(name),
            Self::Real { name, engine } => {
                let why = "anyone with its link can open a preview";
                diagnosis::snapshot_real(name, engine, why)
            }
        }
    }

    /// The most similar snapshot name, for the operator only.
    pub async fn nearest(&self, store: &Store) -> Result<Option<String>, StoreError> {
        let Self::Missing(name) = self else {
            return Ok(None);
        };
        let rows = store.named_snapshots().await?;
        let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
        Ok(nearest(name, &names).map(str::to_owned))
    }
}

/// The snapshot of that name, for a database of a preview of this origin.
pub async fn find(
    store: &Store,
    origin: Origin,
    (database, name): (&Database, &str),
) -> Result<Result<SnapshotRow, Unusable>, StoreError> {
    Ok(match store.snapshot(name).await? {
        // Only a standalone database may hold real data, because it has no visitors.
        Some(row) if row.holds == Holds::Real && origin != Origin::Database => {
            Err(Unusable::Real {
                name: name.to_owned(),
                engine: engine_words(&database.kind, &database.image)
                    .unwrap_or_else(|| "ENGINE".to_owned()),
            })
        }
        Some(row) => Ok(row),
        None => Err(Unusable::Missing(name.to_owned())),
    })
}

/// The first snapshot of a blueprint that cannot be used.
pub async fn first_unusable(
    store: &Store,
    origin: Origin,
    blueprint: &Blueprint,
) -> Result<Option<Unusable>, StoreError> {
    for database in &blueprint.databases {
        if let Some(SeedSource::Snapshot { name }) = &database.seed
            && let Err(unusable) = find(store, origin, (database, name)).await?
        {
            return Ok(Some(unusable));
        }
    }
    Ok(None)
}
