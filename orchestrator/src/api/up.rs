//! `PUT /api/v1/local/{slug}`: a preview of the files in the body.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::StatusCode,
};
use futures_util::TryStreamExt as _;
use tokio::io::AsyncReadExt as _;
use tokio_util::io::StreamReader;

use super::{
    describe::accepted, extract::Asked, problem::Problem, state::ApiState, view::PreviewView,
};
use crate::actions::{self, Caller, UpRequest};

/// Limits on reading the rest of a refused upload. Reading it lets the sender see the answer
/// instead of a broken connection.
const REST_DEADLINE: Duration = Duration::from_secs(20);
const REST_BYTES_MAX: u64 = 256 << 20;

pub(super) async fn up(
    State(state): State<ApiState>,
    Path(slug): Path<String>,
    Asked(request): Asked<UpRequest>,
    body: Body,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    let stream = body.into_data_stream().map_err(std::io::Error::other);
    let mut files = StreamReader::new(stream);
    let (workers, mirrors) = (&state.workers, &state.mirrors);
    let asked = actions::up::up(
        Caller::Operator,
        workers,
        mirrors,
        slug,
        request,
        &mut files,
    );
    let taken = asked.await;
    if taken.is_err() {
        let mut rest = files.take(REST_BYTES_MAX);
        let mut nowhere = tokio::io::sink();
        let read = tokio::io::copy(&mut rest, &mut nowhere);
        // An unread rest does not change the answer.
        let _ = tokio::time::timeout(REST_DEADLINE, read).await;
    }
    accepted(workers.ports(), &taken?).await
}
