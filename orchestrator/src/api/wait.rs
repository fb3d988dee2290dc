//! `GET /api/v1/previews/{id}/wait`: answers when the preview is settled, when its phase
//! differs from the one that the caller knows, or at the deadline.

use std::time::Duration;

use axum::{Json, extract::State};
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    describe::describe_again,
    extract::{Asked, Known},
    phase::Phase,
    problem::Problem,
    state::ApiState,
    view::PreviewView,
};

const WAIT_DEFAULT: Duration = Duration::from_secs(30);
const WAIT_MAX: Duration = Duration::from_secs(60);
/// The desired state may change without a worker pass that notifies the state board.
const CHECK_AT_LEAST: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    seconds: Option<u64>,
    since: Option<Phase>,
}

pub(super) async fn wait(
    State(state): State<ApiState>,
    Known(row): Known,
    Asked(query): Asked<Query>,
) -> Result<Json<PreviewView>, Problem> {
    let ports = state.workers.ports();
    let wait = query.seconds.map_or(WAIT_DEFAULT, Duration::from_secs);
    let until = Instant::now() + wait.min(WAIT_MAX);
    let mut changes = ports.board.subscribe();
    loop {
        changes.borrow_and_update();
        let view = describe_again(ports, &row.id).await?;
        let known = query.since.is_none_or(|since| since == view.phase);
        let over = Instant::now() >= until || state.shutdown.is_cancelled();
        if !known || over || is_settled(view.phase) {
            return Ok(Json(view));
        }
        let next = until.min(Instant::now() + CHECK_AT_LEAST);
        tokio::select! {
            _ = changes.changed() => {}
            () = state.shutdown.cancelled() => {}
            () = tokio::time::sleep_until(next) => {}
        }
    }
}

/// Whether the phase stays until someone requests something else.
fn is_settled(phase: Phase) -> bool {
    matches!(phase, Phase::Live | Phase::Failed | Phase::Gone)
}
