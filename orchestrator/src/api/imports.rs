//! `PUT /api/v1/snapshots/{name}`: data that somebody brings in a file.

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

/// The largest file that may be brought, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 30;
/// The largest mask, in bytes.
const MASK_BYTES_MAX: usize = 16 << 20;
/// How long the rest of a file that nobody reads any more is taken all the same.
const REST_MAX: Duration = Duration::from_secs(30);
/// Memory of the server that reads what is brought, with swap. Most of it is the kernel's cache of files,
/// which goes as soon as somebody needs it.
const MEMORY_BYTES: u64 = 2 << 30;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportQuery {
    engine: String,
    /// The file's name, which tells what it is.
    file: String,
    holds: Holds,
    owner: String,
    #[serde(default)]
    days: Option<u64>,
    /// How many bytes at the beginning are the mask.
    #[serde(default)]
    mask_bytes: usize,
    /// The mask's name, for messages.
    #[serde(default)]
    mask_file: String,
    /// What the mask may leave, a line each.
    #[serde(default)]
    accept: String,
}

/// Makes a snapshot of a file; answers when it is there.
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
    // Whoever still sends would not hear the answer.
    let rest = async { while let Some(Ok(_)) = pieces.next().await {} };
    let _ = tokio::time::timeout(REST_MAX, rest).await;
    Ok((StatusCode::CREATED, Json(view?)))
}

/// Makes the snapshot while its file arrives.
async fn make(
    ports: &Arc<Ports>,
    name: String,
    query: ImportQuery,
    pieces: &mut Pieces<'_>,
) -> Result<SnapshotView, Problem> {
    let (spec, arrival) = take(ports, &name, &query, pieces).await?;
    let (sink_name, shown) = (name.clone(), query.file);
    let sink = Arc::new(move |sentence: String| {
        tracing::info!(snapshot = sink_name, file = shown, sentence, "import");
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
        // First, so that what is made of it begins at once.
        biased;
        view = &mut making => view,
        arrived = arrival => {
            // What reads it fails by itself where it did not.
            arrived.map_err(not_taken)?;
            making.await
        }
    }
}

/// Begins to take what is sent, after everything was looked at that can be refused before.
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
            "the mask is too large: it may have {most} MiB"
        )));
    }
    // Else nothing would be judged, and the data would pass as masked.
    if query.mask_bytes == 0 && !(query.mask_file.is_empty() && query.accept.is_empty()) {
        let message = "the mask is empty: send one, or neither `mask_file` nor `accept`";
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
        // What is kept as real is for nobody to visit.
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

/// What the mask is called in messages.
fn mask_name(file: &str) -> String {
    match file {
        "" => "the script".to_owned(),
        file => plain(file),
    }
}

/// The first bytes that were sent, and what came with the last of them.
async fn first(pieces: &mut Pieces<'_>, length: usize) -> Result<(Bytes, Bytes), Problem> {
    let mut held = BytesMut::new();
    while held.len() < length {
        match pieces.next().await {
            Some(piece) => held.extend_from_slice(&piece.map_err(not_taken)?),
            None => {
                let message = "the mask is longer than what was sent";
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
                "the file cannot be taken: at most {} GiB are",
                FILE_BYTES_MAX >> 30
            ),
        ),
        ErrorKind::StorageFull => Problem::new(StatusCode::INSUFFICIENT_STORAGE, error.to_string()),
        ErrorKind::TimedOut => Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("the file did not arrive as a whole: {error}"),
        ),
        ErrorKind::UnexpectedEof => {
            Problem::bad_request(format!("the file did not arrive as a whole: {error}"))
        }
        _ => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the file could not be kept while it is read: {error}"),
        ),
    }
}

/// By the end of the file's name.
fn seed_kind(kind: &DatabaseKind, file: &str) -> Result<SeedKind, Problem> {
    let (taken, words) = SeedKind::taken_by(kind);
    let found = SeedKind::of(file).filter(|found| taken.contains(found));
    found.ok_or_else(|| {
        Problem::bad_request(format!(
            "{file:?} is no file for this engine, which takes {words}"
        ))
    })
}
