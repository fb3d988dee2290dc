//! `GET /api/v1/previews/{id}/events`: the steps of a preview, oldest first.

use axum::{Json, extract::State};

use super::{
    describe::timestamp, extract::Known, problem::Problem, state::ApiState, view::EventView,
};

pub(super) async fn events(
    State(state): State<ApiState>,
    Known(row): Known,
) -> Result<Json<Vec<EventView>>, Problem> {
    let rows = state.workers.ports().store.events_of_life(&row.id).await?;
    let views = rows.into_iter().map(|event| EventView {
        at: timestamp(event.at_ms),
        revision: event.revision,
        step: event.step,
        took_ms: event.took_ms,
        note: event.note,
    });
    Ok(Json(views.collect()))
}
