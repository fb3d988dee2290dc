//! Sends a checkout to the server, as the person who calls reads it.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use bytes::Bytes;
use deploy::source::{Summary, archive_checkout, git_in_checkout};
use futures_util::stream;
use tokio::sync::mpsc;

use super::call::Caller;
use crate::{
    api::PreviewView,
    client::{ClientError, quoted},
};

/// One piece of the stream, in bytes.
const PIECE_BYTES: usize = 256 * 1024;
/// How many pieces may wait for the server.
const PIECES_WAITING_MAX: usize = 8;

/// Sends the files of `folder` as the checkout `slug`.
pub(super) async fn upload(
    caller: &Caller,
    folder: &Path,
    slug: &str,
) -> anyhow::Result<(Summary, PreviewView)> {
    let (pieces, received) = mpsc::channel(PIECES_WAITING_MAX);
    let reading = {
        let folder = folder.to_owned();
        tokio::task::spawn_blocking(move || archive(&folder, pieces))
    };
    let query = format!(
        "/api/v1/local/{slug}?folder={}&branch={}&author={}",
        quoted(&folder.display().to_string()),
        quoted(&branch(folder).unwrap_or_default()),
        quoted(&std::env::var("USER").unwrap_or_default()),
    );
    let body = stream::unfold(received, async |mut received| {
        received.recv().await.map(|piece| (piece, received))
    });
    let sent = caller.client.put::<PreviewView>(&query, body).await;
    // Where the files cannot be read, that is why the upload broke off; where the server refused
    // them, that is why reading did.
    match (
        reading.await.context("reading the files was cut off")?,
        sent,
    ) {
        (Ok(summary), Ok(preview)) => Ok((summary, preview)),
        (_, Err(error @ ClientError::Refused { .. })) | (Ok(_), Err(error)) => Err(error.into()),
        (Err(error), _) => Err(error.into()),
    }
}

type Pieces = mpsc::Sender<io::Result<Bytes>>;

fn archive(folder: &Path, pieces: Pieces) -> Result<Summary, deploy::source::SourceError> {
    let mut sink = Sink {
        pieces: pieces.clone(),
        piece: Vec::with_capacity(PIECE_BYTES),
    };
    let done = archive_checkout(folder, &mut sink);
    if done.is_err() {
        // The server must not take the beginning of an archive for all of it.
        let cut = io::Error::other("the files could not be read");
        let _ = pieces.blocking_send(Err(cut));
    }
    done
}

/// Gathers what is written into pieces and hands them on.
struct Sink {
    pieces: Pieces,
    piece: Vec<u8>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        self.pieces
            .blocking_send(Ok(Bytes::from(piece)))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the server takes no more"))
    }
}

/// What is checked out, for people; none outside of git or on no branch.
fn branch(folder: &Path) -> Option<String> {
    let output = git_in_checkout(folder)
        .args(["symbolic-ref", "--short", "--quiet", "HEAD"])
        .output()
        .ok()?;
    let name = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| name.trim().to_owned())
}

/// The folder that is meant, with all links resolved.
pub(super) fn folder(path: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let path = path.unwrap_or_else(|| PathBuf::from("."));
    let folder =
        std::fs::canonicalize(&path).with_context(|| format!("cannot open {}", path.display()))?;
    anyhow::ensure!(folder.is_dir(), "{} is not a folder", folder.display());
    Ok(folder)
}
