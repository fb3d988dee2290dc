//! `GET /api/v1/pool`: the pool that stores the databases' data.

use axum::{Json, extract::State};
use deploy::databases::PoolState;

use super::{
    problem::{Problem, outside},
    state::ApiState,
};

pub(super) async fn pool(State(state): State<ApiState>) -> Result<Json<PoolState>, Problem> {
    let pool = state.workers.ports().databases.pool().await;
    pool.map(Json).map_err(outside)
}
