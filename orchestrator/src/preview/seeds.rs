//! The seed reports of a preview's databases.

use std::collections::BTreeMap;

use deploy::{
    blueprint::Database,
    databases::SeedReport,
    names::{DatabaseKey, DatabaseName},
};

use super::current;
use crate::{lifecycle::Observed, store::PreviewRow, worker::Ports};

/// Seed reports by database.
pub type Seeds = BTreeMap<DatabaseName, SeedReport>;

/// The seed reports of the shown revision's databases. Leaves out reports that cannot be read.
pub async fn seeds(
    ports: &Ports,
    row: &PreviewRow,
    observed: &Observed,
    wanted: fn(&Database) -> bool,
) -> Seeds {
    let mut seeds = Seeds::new();
    let Some(revision) = current::shown(row, observed) else {
        return seeds;
    };
    let Some(generation) = revision.generation else {
        return seeds;
    };
    for database in revision.databases().filter(|database| wanted(database)) {
        let key = DatabaseKey {
            preview: row.id.clone(),
            generation,
            name: database.name.clone(),
        };
        match ports.data_access.seed_report(&key).await {
            Ok(report) => {
                seeds.insert(key.name, report);
            }
            Err(error) => {
                tracing::debug!(
                    preview = %row.id,
                    %error,
                    "cannot read a seed report; it is left out"
                );
            }
        }
    }
    seeds
}
