//! `GET /api/v1/deliveries`: the latest webhook deliveries and the decision on each.

use axum::{Json, extract::State};
use serde::Deserialize;

use super::{
    describe::timestamp, extract::Asked, problem::Problem, state::ApiState, view::DeliveryView,
};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    limit: Option<usize>,
}

pub(super) async fn deliveries(
    State(state): State<ApiState>,
    Asked(query): Asked<Query>,
) -> Result<Json<Vec<DeliveryView>>, Problem> {
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
    let rows = state.workers.ports().store.deliveries(limit).await?;
    let views = rows.into_iter().map(|row| DeliveryView {
        guid: row.guid,
        event: row.event,
        action: row.action,
        repository: row.repository,
        number: row.number,
        decision: row.decision,
        reason: row.reason,
        received_at: timestamp(row.received_at_ms),
    });
    Ok(Json(views.collect()))
}
