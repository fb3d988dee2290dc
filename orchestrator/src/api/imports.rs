//! `PUT /api/v1/snapshots/{name}`: imports data from a file.

use std::{
    io::{self, ErrorKind},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::StatusCode,
};
use bytes::{Bytes, BytesMut};
use deploy::{
    blueprint::{DatabaseKind, known_kind},
    data_access::{Arrival, ImportSpec, Pieces},
    databases::{Seed, SeedFile, SeedKind},
    personal::Mask,
    terminal::plain,
};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;

use super::{
    extract::Asked,
    problem::Problem,
    snapshots::{Brought, SnapshotView, check_name, failed, name_snapshot, to_the_end},
    state::ApiState,
};
use crate::{store::Holds, worker::Ports};

/// Maximum size of an imported file, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 30;
/// Maximum size of a mask, in bytes.
const MASK_BYTES_MAX: usize = 16 << 20;
/// How long the rest of a refused upload is read, so that the sender sees the answer.
const REST_MAX: Duration = Duration::from_secs(30);
/// Memory limit of the database server that imports the file, including swap. Most of it is page
/// cache, which the kernel frees on demand.
const MEMORY_BYTES: u64 = 2 << 30;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportQuery {
    engine: String,
    /// The file's name; its extension says the format.
    file: String,
    holds: Holds,
    owner: String,
    #[serde(default)]
    days: Option<u64>,
    /// The length of the mask, which comes before the file, in bytes.
    #[serde(default)]
    mask_bytes: usize,
    /// The mask's name, for messages.
    #[serde(default)]
    mask_file: String,
    /// The personal data that the mask may leave, one name per line.
    #[serde(default)]
    accept: String,
}

/// Creates a snapshot from a file; answers when the snapshot is complete.
pub(super) async fn import(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    Asked(query): Asked<ImportQuery>,
    body: Body,
) -> Result<(StatusCode, Json<SnapshotView>), Problem> {
    let ports = state.workers.ports();
    let cut_off = |error| io::Error::new(ErrorKind::UnexpectedEof, error);
    let mut pieces: Pieces<'_> = Box::pin(
        body.into_data_stream()
            .map(move |piece| piece.map_err(cut_off)),
    );
    let view = make(ports, name, query, &mut pieces).await;
    // A client that is still sending would not see the answer.
    let rest = async { while let Some(Ok(_)) = pieces.next().await {} };
    let _ = tokio::time::timeout(REST_MAX, rest).await;
    Ok((StatusCode::CREATED, Json(view?)))
}

/// Creates the snapshot while its file arrives.
async fn make(
    ports: &Arc<Ports>,
    name: String,
    query: ImportQuery,
    pieces: &mut Pieces<'_>,
) -> Result<SnapshotView, Problem> {
    let (spec, arrival) = take(ports, &name, &query, pieces).await?;
    let (sink_name, shown) = (name.clone(), query.file);
    let sink = Arc::new(move |sentence: String| {
        tracing::info!(
            snapshot = sink_name,
            file = shown,
            sentence,
            "import progress"
        );
    });
    let given = (name, query.holds, query.owner, query.days);
    let ports = Arc::clone(ports);
    let mut making = pin!(to_the_end(async move {
        let imported = ports.data_access.import(spec, sink).await;
        let imported = imported.map_err(failed)?;
        let found = Brought {
            report: imported.report,
            personal: imported.personal,
            unused: imported.unused,
        };
        name_snapshot(&ports, imported.snapshot, given, found).await
    }));
    tokio::select! {
        // Polled first, so that the import starts immediately.
        biased;
        view = &mut making => view,
        arrived = arrival => {
            // The import also fails if the file did not arrive.
            arrived.map_err(not_taken)?;
            making.await
        }
    }
}

/// Checks everything that can be refused early, then starts to receive the file.
async fn take<'a>(
    ports: &Ports,
    name: &str,
    query: &ImportQuery,
    pieces: &'a mut Pieces<'_>,
) -> Result<(ImportSpec, Arrival<'a>), Problem> {
    check_name(name)?;
    let (kind, image) = known_kind(&query.engine).map_err(Problem::bad_request)?;
    let file = seed_kind(&kind, &query.file)?;
    if query.mask_bytes > MASK_BYTES_MAX {
        let most = MASK_BYTES_MAX >> 20;
        return Err(Problem::bad_request(format!(
            "the mask is too large: the limit is {most} MiB"
        )));
    }
    // Otherwise Dayfly would check nothing, and the data would count as masked.
    if query.mask_bytes == 0 && !(query.mask_file.is_empty() && query.accept.is_empty()) {
        let message = "the mask is empty: send a mask, or leave out `mask_file` and `accept`";
        return Err(Problem::bad_request(message));
    }
    let (mask, begun) = first(pieces, query.mask_bytes).await?;
    let rest = Box::pin(stream::iter([Ok(begun)]).chain(pieces));
    let spooled = ports.data_access.spool(rest, FILE_BYTES_MAX).await;
    let (content, arrival) = spooled.map_err(not_taken)?;
    let content = SeedFile {
        path: query.file.clone(),
        content,
    };
    let mask = Mask {
        script: SeedFile {
            path: mask_name(&query.mask_file),
            content: mask.into(),
        },
        accepted: query.accept.lines().map(str::to_owned).collect(),
        // Real data has no visitors, so the result of its mask is not checked.
        judged: query.holds != Holds::Real,
    };
    let spec = ImportSpec {
        seed: match file {
            SeedKind::Sql => Seed::Sql(content.into()),
            SeedKind::PgCustom => Seed::PgCustom(content),
            SeedKind::Rdb => Seed::Rdb(content),
        },
        mask: (query.mask_bytes > 0).then_some(mask),
        memory_bytes: MEMORY_BYTES,
        kind,
        image,
    };
    Ok((spec, arrival))
}

/// The mask's name in messages.
fn mask_name(file: &str) -> String {
    match file {
        "" => "the script".to_owned(),
        file => plain(file),
    }
}

/// The first `length` bytes of the body, and the rest of the piece that completed them.
async fn first(pieces: &mut Pieces<'_>, length: usize) -> Result<(Bytes, Bytes), Problem> {
    let mut held = BytesMut::new();
    while held.len() < length {
        match pieces.next().await {
            Some(piece) => held.extend_from_slice(&piece.map_err(not_taken)?),
            None => {
                let message = "the body is shorter than `mask_bytes`";
                return Err(Problem::bad_request(message));
            }
        }
    }
    let mask = held.split_to(length);
    Ok((mask.freeze(), held.freeze()))
}

fn not_taken(error: io::Error) -> Problem {
    match error.kind() {
        ErrorKind::FileTooLarge => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "the file is too large: the limit is {} GiB",
                FILE_BYTES_MAX >> 30
            ),
        ),
        ErrorKind::StorageFull => Problem::new(StatusCode::INSUFFICIENT_STORAGE, error.to_string()),
        ErrorKind::TimedOut => Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("the file did not arrive completely: {error}"),
        ),
        ErrorKind::UnexpectedEof => {
            Problem::bad_request(format!("the file did not arrive completely: {error}"))
        }
        _ => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("cannot store the file for the import: {error}"),
        ),
    }
}

/// The kind of seed, by the extension of the file's name.
fn seed_kind(kind: &DatabaseKind, file: &str) -> Result<SeedKind, Problem> {
    let (taken, words) = SeedKind::taken_by(kind);
    let found = SeedKind::of(file).filter(|found| taken.contains(found));
    found.ok_or_else(|| {
        Problem::bad_request(format!(
            "cannot import {file:?} into this engine, which takes {words}"
        ))
    })
}
