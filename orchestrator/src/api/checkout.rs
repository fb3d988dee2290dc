//! `PUT /api/v1/local/{slug}`: a preview of the files in the body.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::StatusCode,
};
use deploy::{names::PreviewId, source::SourceError};
use futures_util::TryStreamExt as _;
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::{Instant, timeout_at},
};
use tokio_util::io::StreamReader;

use super::{
    describe::{self, describe_again},
    extract::Asked,
    problem::Problem,
    state::ApiState,
    view::PreviewView,
};
use crate::{
    clock::wall_ms,
    inputs::sources::local_mirror,
    lifecycle::{Head, Wanted},
    preview::names,
    store::NewPreview,
    worker::Ports,
};

/// Maximum length of a slug; with `-up` it still fits a preview id.
pub(super) const SLUG_MAX: usize = 28;
/// Maximum length of a branch, a path or a name, in characters; the rest is cut.
const TEXT_MAX: usize = 300;
/// Limits on reading the rest of a refused upload. Reading it lets the sender see the answer
/// instead of a broken connection.
const REST_DEADLINE: Duration = Duration::from_secs(20);
const REST_BYTES_MAX: u64 = 256 << 20;

/// How long an upload waits until the previous life has ended, and how often it checks.
const CLOSING_MAX: Duration = Duration::from_secs(120);
const CHECK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// The folder, so that two checkouts with the same name do not replace each other's preview.
    #[serde(default)]
    folder: String,
    #[serde(default)]
    branch: String,
    #[serde(default)]
    author: String,
}

/// Stores the files as the commit that the preview should serve. Sending the same files again
/// changes nothing, unless they failed: then the server retries them.
pub(super) async fn take_checkout(
    State(state): State<ApiState>,
    Path(slug): Path<String>,
    Asked(query): Asked<Query>,
    body: Body,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    let stream = body.into_data_stream().map_err(std::io::Error::other);
    let mut files = StreamReader::new(stream);
    let taken = keep_checkout(&state, slug, query, &mut files).await;
    if taken.is_err() {
        let mut rest = files.take(REST_BYTES_MAX);
        let mut nowhere = tokio::io::sink();
        let read = tokio::io::copy(&mut rest, &mut nowhere);
        // An unread rest does not change the answer.
        let _ = tokio::time::timeout(REST_DEADLINE, read).await;
    }
    taken.map(|view| (StatusCode::ACCEPTED, Json(view)))
}

async fn keep_checkout(
    state: &ApiState,
    slug: String,
    query: Query,
    files: &mut (impl AsyncRead + Send + Unpin),
) -> Result<PreviewView, Problem> {
    let ports = state.workers.ports();
    if names::slug(&slug, SLUG_MAX) != slug {
        return Err(Problem::bad_request(format!(
            "the name of a checkout must be at most {SLUG_MAX} characters: a-z, 0-9 and single \
             hyphens"
        )));
    }
    let id = names::local_preview_id(&slug).map_err(|e| Problem::bad_request(e.to_string()))?;
    let mirror = local_mirror(&slug)
        .map_err(|_| Problem::bad_request("the server cannot use this name for a checkout"))?;
    let cut = |text: String| text.chars().take(TEXT_MAX).collect::<String>();
    let folder = cut(query.folder);
    if let Some(row) = ports.store.preview(&id).await?
        && let Wanted::Serve(head) = &row.desired.wanted
        && head.title != folder
    {
        return Err(Problem::conflict(format!(
            "{id} is already the preview of {}; choose another name with `dayfly up --name NAME`, \
             or remove that preview with `dayfly rm {id}`",
            head.title
        )));
    }
    end_of_closing(ports, &id).await?;
    let tree = state.mirrors.import(&mirror, files).await;
    let commit = tree.map_err(|error| refused(&error))?.commit().clone();
    let now_ms = wall_ms();
    let new = NewPreview {
        id: id.clone(),
        slug,
    };
    ports.store.ensure_local(new, now_ms).await?;
    let failed = describe::has_failed(ports, &id).await?;
    let head = Head {
        commit,
        branch: cut(query.branch),
        base: String::new(),
        author: cut(query.author),
        title: folder,
    };
    ports
        .store
        .change_desired(&id, now_ms, move |desired| {
            desired.serve_checkout(head, failed);
        })
        .await?;
    state.workers.wake(&id);
    describe_again(ports, &id).await
}

/// Waits until the previous life has ended, because its end deletes the files of the checkout.
async fn end_of_closing(ports: &Ports, id: &PreviewId) -> Result<(), Problem> {
    let mut changes = ports.board.subscribe();
    let deadline = Instant::now() + CLOSING_MAX;
    loop {
        changes.mark_unchanged();
        let row = ports.store.preview(id).await?;
        if !row.is_some_and(|row| row.desired.clearing) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Problem::conflict(format!(
                "{id} is still being removed; `dayfly ls` shows when it is gone"
            )));
        }
        let next = deadline.min(Instant::now() + CHECK_EVERY);
        let _changed = timeout_at(next, changes.changed()).await;
    }
}

fn refused(error: &SourceError) -> Problem {
    let status = match error {
        SourceError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        SourceError::Timeout { .. } => StatusCode::REQUEST_TIMEOUT,
        SourceError::Unfit { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Problem::new(status, error.to_string())
}
