//! `POST /api/v1/previews/{id}/relink`: replaces a preview's link.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};

use super::{
    describe::describe_again,
    extract::{Known, Said},
    problem::Problem,
    state::ApiState,
    view::PreviewView,
};
use crate::{
    clock::wall_ms,
    lifecycle::{Origin, Wanted},
};

/// Maximum lifetime of a link, in hours.
const HOURS_MAX: u64 = 24 * 365;

/// The request for a new link.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelinkBody {
    /// Its lifetime in hours; without it, the link lasts as long as the preview.
    #[serde(default)]
    pub hours: Option<u64>,
}

/// When this answers, the old link and its sessions are invalid. The comment is updated later.
pub(super) async fn relink(
    State(state): State<ApiState>,
    Known(row): Known,
    Said(body): Said<RelinkBody>,
) -> Result<Json<PreviewView>, Problem> {
    let ports = state.workers.ports();
    let id = &row.id;
    if row.desired.origin == Origin::Database {
        let why = format!("{id} is a database, which has no link");
        return Err(Problem::conflict(why));
    }
    if ports.settings.is_local() {
        let domain = &ports.settings.domain;
        let why = format!("previews under {domain} open without a link");
        return Err(Problem::conflict(why));
    }
    if matches!(row.desired.wanted, Wanted::Nothing(_)) || row.desired.clearing {
        let why = format!("{id} is ending or has ended, so it has no link");
        return Err(Problem::conflict(why));
    }
    let hours = body.hours.unwrap_or(1);
    if !(1..=HOURS_MAX).contains(&hours) {
        return Err(Problem::bad_request(format!(
            "`hours` must be from 1 to {HOURS_MAX}"
        )));
    }
    let now_ms = wall_ms();
    let expires_at_ms = body.hours.map(|hours| now_ms + hours * 3_600_000);
    ports.store.relink(id, expires_at_ms, now_ms).await?;
    state.workers.wake(id);
    ports
        .routes
        .admit(id, &ports.store)
        .await
        .map_err(|error| {
            let why = format!(
                "the old link is invalid, but its visitors may still have access because the proxy \
                 does not answer: {error}"
            );
            Problem::new(StatusCode::BAD_GATEWAY, why)
        })?;
    Ok(Json(describe_again(ports, id).await?))
}
