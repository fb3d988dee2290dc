//! `PUT /api/v1/snapshots/{name}`: data that somebody brings in a file.

use std::{
    io::{self, ErrorKind},
    sync::Arc,
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
    data_access::{ImportSpec, Pieces},
    databases::{Seed, SeedFile, SeedKind},
};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;

use super::{
    extract::Asked,
    problem::Problem,
    snapshots::{SnapshotView, check_name, failed, name_snapshot, to_the_end},
    state::ApiState,
};
use crate::{store::Holds, worker::Ports};

/// The largest file that may be brought, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 30;
/// The largest mask, in bytes.
const MASK_BYTES_MAX: usize = 16 << 20;
/// Memory of the server that reads what is brought, with swap.
const MEMORY_BYTES: u64 = 1 << 30;

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
}

/// Makes a snapshot of a file; answers when it is there.
pub(super) async fn import(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    Asked(query): Asked<ImportQuery>,
    body: Body,
) -> Result<(StatusCode, Json<SnapshotView>), Problem> {
    let ports = state.workers.ports();
    let mut pieces: Pieces<'_> = Box::pin(
        body.into_data_stream()
            .map(|piece| piece.map_err(io::Error::other)),
    );
    let spec = match take(ports, &name, &query, &mut pieces).await {
        Ok(spec) => spec,
        Err(problem) => {
            // Whoever still sends would not hear the answer.
            while let Some(Ok(_)) = pieces.next().await {}
            return Err(problem);
        }
    };
    let (sink_name, shown) = (name.clone(), query.file);
    let sink = Arc::new(move |sentence: String| {
        tracing::info!(snapshot = sink_name, file = shown, sentence, "import");
    });
    let given = (name, query.holds, query.owner, query.days);
    let ports = Arc::clone(ports);
    let view = to_the_end(async move {
        let imported = ports.data_access.import(&spec, sink).await;
        let imported = imported.map_err(failed)?;
        let found = (imported.personal, imported.report);
        name_snapshot(&ports, imported.snapshot, given, found).await
    });
    Ok((StatusCode::CREATED, Json(view.await?)))
}

/// Takes what is sent, after everything was looked at that can be refused before.
async fn take(
    ports: &Ports,
    name: &str,
    query: &ImportQuery,
    pieces: &mut Pieces<'_>,
) -> Result<ImportSpec, Problem> {
    check_name(name)?;
    let (kind, image) = known_kind(&query.engine).map_err(Problem::bad_request)?;
    let file = seed_kind(&kind, &query.file)?;
    if query.mask_bytes > MASK_BYTES_MAX {
        let most = MASK_BYTES_MAX >> 20;
        return Err(Problem::bad_request(format!(
            "the mask is too large: it may have {most} MiB"
        )));
    }
    let (mask, begun) = first(pieces, query.mask_bytes).await?;
    let rest = Box::pin(stream::iter([Ok(begun)]).chain(pieces));
    let content = ports.data_access.spool(rest, FILE_BYTES_MAX).await;
    let content = SeedFile {
        path: query.file.clone(),
        content: content.map_err(not_taken)?,
    };
    let mask = SeedFile {
        path: "the mask".to_owned(),
        content: mask.into(),
    };
    Ok(ImportSpec {
        seed: match file {
            SeedKind::Sql => Seed::Sql(content.into()),
            SeedKind::PgCustom => Seed::PgCustom(content),
            SeedKind::Rdb => Seed::Rdb(content),
        },
        mask: (query.mask_bytes > 0).then_some(mask),
        memory_bytes: MEMORY_BYTES,
        kind,
        image,
    })
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
        _ => Problem::bad_request(format!("the file did not arrive as a whole: {error}")),
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
