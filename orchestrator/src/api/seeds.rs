//! `GET /api/v1/previews/{id}/seeds`: what became of the seeds of a preview's databases.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use deploy::{
    databases::SeedReport,
    names::{DatabaseKey, DatabaseName},
};

use super::{extract::Known, problem::Problem, state::ApiState};
use crate::preview::current;

pub(super) async fn seeds(
    State(state): State<ApiState>,
    Known(row): Known,
) -> Result<Json<BTreeMap<DatabaseName, SeedReport>>, Problem> {
    let ports = state.workers.ports();
    let observed = current::observed(ports, &row).await?;
    let mut reports = BTreeMap::new();
    let Some(revision) = current::shown(&row, &observed) else {
        return Ok(Json(reports));
    };
    for database in revision.databases() {
        let Some(generation) = revision.generation else {
            break;
        };
        let key = DatabaseKey {
            preview: row.id.clone(),
            generation,
            name: database.name.clone(),
        };
        // What cannot be read is missing on a page, and fails nothing.
        match ports.data_access.seed_report(&key).await {
            Ok(report) => {
                reports.insert(key.name, report);
            }
            Err(error) => tracing::debug!(preview = %row.id, %error, "a seed's report is not read"),
        }
    }
    Ok(Json(reports))
}
