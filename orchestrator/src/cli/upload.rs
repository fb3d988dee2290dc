//! Sends a checkout to the server, read with the rights of the calling user.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use deploy::{
    pieces::pieces,
    source::{Summary, archive_checkout, git_in_checkout},
};

use super::call::Caller;
use crate::api::{
    PreviewView,
    client::{ClientError, quoted},
};

/// Sends the files of `folder` as the checkout `slug`.
pub(super) async fn upload(
    caller: &Caller,
    folder: &Path,
    slug: &str,
) -> anyhow::Result<(Summary, PreviewView)> {
    let (mut sink, body) = pieces();
    let reading = {
        let folder = folder.to_owned();
        tokio::task::spawn_blocking(move || {
            let done = archive_checkout(&folder, &mut sink);
            if done.is_err() {
                // The server must not accept a truncated archive.
                sink.break_off("the files could not be read");
            }
            done
        })
    };
    let query = format!(
        "/api/v1/local/{slug}?folder={}&branch={}&author={}",
        quoted(&folder.display().to_string()),
        quoted(&branch(folder).unwrap_or_default()),
        quoted(&std::env::var("USER").unwrap_or_default()),
    );
    let sent = caller.client.put::<PreviewView>(&query, body).await;
    // A failed read explains a broken upload; a refusal by the server explains a broken read.
    match (
        reading
            .await
            .context("the task that reads the files crashed")?,
        sent,
    ) {
        (Ok(summary), Ok(preview)) => Ok((summary, preview)),
        (_, Err(error @ ClientError::Refused { .. })) | (Ok(_), Err(error)) => Err(error.into()),
        (Err(error), _) => Err(error.into()),
    }
}

/// The branch that is checked out. None outside of git, or on no branch.
fn branch(folder: &Path) -> Option<String> {
    let output = git_in_checkout(folder)
        .args(["symbolic-ref", "--short", "--quiet", "HEAD"])
        .output()
        .ok()?;
    let name = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| name.trim().to_owned())
}

/// The folder of the checkout, with all symbolic links resolved.
pub(super) fn folder(path: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let path = path.unwrap_or_else(|| PathBuf::from("."));
    let folder =
        std::fs::canonicalize(&path).with_context(|| format!("cannot open {}", path.display()))?;
    anyhow::ensure!(folder.is_dir(), "{} is not a folder", folder.display());
    Ok(folder)
}
