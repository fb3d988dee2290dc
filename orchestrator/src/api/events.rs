//! `GET /api/v1/previews/{id}/events`: what was done for a preview, oldest first.

use std::collections::BTreeSet;

use axum::{Json, extract::State};

use super::{
    describe::timestamp, extract::Known, problem::Problem, state::ApiState, view::EventView,
};

pub(super) async fn events(
    State(state): State<ApiState>,
    Known(row): Known,
) -> Result<Json<Vec<EventView>>, Problem> {
    let store = &state.workers.ports().store;
    // A name may have been used before; what was done then is another preview's.
    let before = store.revisions(&row.id).await?.into_iter();
    let before = before.filter(|revision| revision.facts.life != row.desired.life);
    let before: BTreeSet<u32> = before.map(|revision| revision.facts.number.0).collect();
    let rows = store.events(&row.id).await?.into_iter();
    let rows = rows.filter(|event| {
        event
            .revision
            .is_none_or(|number| !before.contains(&number))
    });
    let views = rows.map(|event| EventView {
        at: timestamp(event.at_ms),
        revision: event.revision,
        step: event.step,
        took_ms: event.took_ms,
        note: event.note,
    });
    Ok(Json(views.collect()))
}
