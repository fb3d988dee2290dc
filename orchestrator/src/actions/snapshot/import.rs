//! Creates a named snapshot from a file.

use std::{
    io::{self, ErrorKind},
    pin::pin,
    sync::Arc,
};

use bytes::{Bytes, BytesMut};
use deploy::{
    blueprint::{DatabaseKind, known_kind},
    data_access::{Arrival, ImportSpec, Imported, Pieces},
    databases::{Seed, SeedFile, SeedKind},
    personal::Mask,
    terminal::plain,
};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;

use super::name::{Label, check_name, name_snapshot, to_the_end};
use crate::{
    actions::{Action, Caller, Code, Refused},
    store::{Holds, SnapshotRow},
    worker::Ports,
};

/// Maximum size of an imported file, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 30;
/// Maximum size of a mask, in bytes.
const MASK_BYTES_MAX: usize = 16 << 20;
/// Memory limit of the database server that imports the file, including swap. Most of it is page
/// cache, which the kernel frees on demand.
const MEMORY_BYTES: u64 = 2 << 30;

/// The request to create a named snapshot from a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    /// The engine and its version, such as `postgres:15`.
    pub engine: String,
    /// The file's name; its extension says the format.
    pub file: String,
    /// The kind of data that it holds.
    pub holds: Holds,
    /// The person responsible for it.
    pub owner: String,
    /// Its lifetime in days.
    #[serde(default)]
    pub days: Option<u64>,
    /// The length of the mask, which comes before the file, in bytes.
    #[serde(default)]
    pub mask_bytes: usize,
    /// The mask's name, for messages.
    #[serde(default)]
    pub mask_file: String,
    /// The personal data that the mask may leave, one name per line.
    #[serde(default)]
    pub accept: String,
}

/// Creates a snapshot while its file arrives. Answers when the snapshot is complete.
pub async fn import(
    caller: Caller,
    ports: &Arc<Ports>,
    name: String,
    request: ImportRequest,
    pieces: &mut Pieces<'_>,
) -> Result<(Imported, SnapshotRow), Refused> {
    caller.check(Action::ImportSnapshot)?;
    let (spec, arrival) = take(ports, &name, &request, pieces).await?;
    let (sink_name, shown) = (name.clone(), request.file);
    let sink = Arc::new(move |sentence: String| {
        tracing::info!(
            snapshot = sink_name,
            file = shown,
            sentence,
            "import progress"
        );
    });
    let label = Label {
        name,
        holds: request.holds,
        owner: request.owner,
        days: request.days,
    };
    let ports = Arc::clone(ports);
    let mut making = pin!(to_the_end(async move {
        let imported = ports.data_access.import(spec, sink).await?;
        let row = name_snapshot(&ports, &imported.snapshot, label).await?;
        Ok((imported, row))
    }));
    tokio::select! {
        // Polled first, so that the import starts immediately.
        biased;
        made = &mut making => made,
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
    request: &ImportRequest,
    pieces: &'a mut Pieces<'_>,
) -> Result<(ImportSpec, Arrival<'a>), Refused> {
    check_name(name)?;
    let (kind, image) = known_kind(&request.engine).map_err(Refused::invalid)?;
    let file = seed_kind(&kind, &request.file)?;
    if request.mask_bytes > MASK_BYTES_MAX {
        let most = MASK_BYTES_MAX >> 20;
        return Err(Refused::invalid(format!(
            "the mask is too large: the limit is {most} MiB"
        )));
    }
    // Otherwise Dayfly would check nothing, and the data would count as masked.
    if request.mask_bytes == 0 && !(request.mask_file.is_empty() && request.accept.is_empty()) {
        let message = "the mask is empty: send a mask, or leave out `mask_file` and `accept`";
        return Err(Refused::invalid(message));
    }
    let (mask, begun) = first(pieces, request.mask_bytes).await?;
    let rest = Box::pin(stream::iter([Ok(begun)]).chain(pieces));
    let spooled = ports.data_access.spool(rest, FILE_BYTES_MAX).await;
    let (content, arrival) = spooled.map_err(not_taken)?;
    let content = SeedFile {
        path: request.file.clone(),
        content,
    };
    let mask = Mask {
        script: SeedFile {
            path: mask_name(&request.mask_file),
            content: mask.into(),
        },
        accepted: request.accept.lines().map(str::to_owned).collect(),
        // Real data has no visitors, so the result of its mask is not checked.
        judged: request.holds != Holds::Real,
    };
    let spec = ImportSpec {
        seed: match file {
            SeedKind::Sql => Seed::Sql(content.into()),
            SeedKind::PgCustom => Seed::PgCustom(content),
            SeedKind::Rdb => Seed::Rdb(content),
        },
        mask: (request.mask_bytes > 0).then_some(mask),
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
async fn first(pieces: &mut Pieces<'_>, length: usize) -> Result<(Bytes, Bytes), Refused> {
    let mut held = BytesMut::new();
    while held.len() < length {
        match pieces.next().await {
            Some(piece) => held.extend_from_slice(&piece.map_err(not_taken)?),
            None => {
                let message = "the body is shorter than `mask_bytes`";
                return Err(Refused::invalid(message));
            }
        }
    }
    let mask = held.split_to(length);
    Ok((mask.freeze(), held.freeze()))
}

fn not_taken(error: io::Error) -> Refused {
    match error.kind() {
        ErrorKind::FileTooLarge => Refused::new(
            Code::TooLarge,
            format!(
                "the file is too large: the limit is {} GiB",
                FILE_BYTES_MAX >> 30
            ),
        ),
        ErrorKind::StorageFull => Refused::new(Code::Full, error.to_string()),
        ErrorKind::TimedOut => Refused::new(
            Code::TimedOut,
            format!("the file did not arrive completely: {error}"),
        ),
        ErrorKind::UnexpectedEof => {
            Refused::invalid(format!("the file did not arrive completely: {error}"))
        }
        _ => Refused::new(
            Code::Failed,
            format!("cannot store the file for the import: {error}"),
        ),
    }
}

/// The kind of seed, by the extension of the file's name.
fn seed_kind(kind: &DatabaseKind, file: &str) -> Result<SeedKind, Refused> {
    let (taken, words) = SeedKind::taken_by(kind);
    let found = SeedKind::of(file).filter(|found| taken.contains(found));
    found.ok_or_else(|| {
        Refused::invalid(format!(
            "cannot import {file:?} into this engine, which takes {words}"
        ))
    })
}
