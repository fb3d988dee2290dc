//! Previews the files of a local checkout.

use std::time::Duration;

use deploy::{
    names::PreviewId,
    source::{Mirrors, SourceError},
};
use serde::Deserialize;
use tokio::{
    io::AsyncRead,
    time::{Instant, timeout_at},
};

use super::{
    caller::{Action, Caller},
    refused::{Code, Refused},
};
use crate::{
    clock::wall_ms,
    inputs::sources::local_mirror,
    lifecycle::{Head, Wanted},
    preview::{current, names},
    store::NewPreview,
    worker::{Ports, Workers},
};

/// Maximum length of a slug; with `-up` it still fits a preview id.
const SLUG_MAX: usize = 28;
/// Maximum length of a branch, a path or a name, in characters; the rest is cut.
const TEXT_MAX: usize = 300;
/// How long an upload waits until the previous life has ended, and how often it checks.
const CLOSING_MAX: Duration = Duration::from_secs(120);
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// A checkout, beside its name and its files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpRequest {
    /// The folder, so that two checkouts with the same name do not replace each other's preview.
    #[serde(default)]
    pub folder: String,
    /// Its branch.
    #[serde(default)]
    pub branch: String,
    /// The person who sends it.
    #[serde(default)]
    pub author: String,
}

/// Stores the files as the commit that the preview should serve. Sending the same files again
/// changes nothing, unless they failed: then the server retries them.
pub async fn up(
    caller: Caller,
    workers: &Workers,
    mirrors: &Mirrors,
    slug: String,
    request: UpRequest,
    files: &mut (impl AsyncRead + Send + Unpin),
) -> Result<PreviewId, Refused> {
    caller.check(Action::Up)?;
    let ports = workers.ports();
    if names::slug(&slug, SLUG_MAX) != slug {
        return Err(Refused::invalid(format!(
            "the name of a checkout must be at most {SLUG_MAX} characters: a-z, 0-9 and single \
             hyphens"
        )));
    }
    let id = names::local_preview_id(&slug).map_err(|e| Refused::invalid(e.to_string()))?;
    let mirror = local_mirror(&slug)
        .map_err(|_| Refused::invalid("the server cannot use this name for a checkout"))?;
    let cut = |text: String| text.chars().take(TEXT_MAX).collect::<String>();
    let folder = cut(request.folder);
    if let Some(row) = ports.store.preview(&id).await?
        && let Wanted::Serve(head) = &row.desired.wanted
        && head.title != folder
    {
        return Err(Refused::conflict(format!(
            "{id} is already the preview of {}; choose another name with `dayfly up --name NAME`, \
             or remove that preview with `dayfly rm {id}`",
            head.title
        )));
    }
    end_of_closing(ports, &id).await?;
    let tree = mirrors.import(&mirror, files).await;
    let commit = tree.map_err(|error| unusable(&error))?.commit().clone();
    let now_ms = wall_ms();
    let new = NewPreview {
        id: id.clone(),
        slug,
    };
    ports.store.ensure_local(new, now_ms).await?;
    let failed = current::has_failed(ports, &id).await?;
    let head = Head {
        commit,
        branch: cut(request.branch),
        base: String::new(),
        author: cut(request.author),
        title: folder,
    };
    ports
        .store
        .change_desired(&id, now_ms, move |desired| {
            desired.serve_checkout(head, failed);
        })
        .await?;
    workers.wake(&id);
    Ok(id)
}

/// Waits until the previous life has ended, because its end deletes the files of the checkout.
async fn end_of_closing(ports: &Ports, id: &PreviewId) -> Result<(), Refused> {
    let mut changes = ports.board.subscribe();
    let deadline = Instant::now() + CLOSING_MAX;
    loop {
        changes.mark_unchanged();
        let row = ports.store.preview(id).await?;
        if !row.is_some_and(|row| row.desired.clearing) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Refused::conflict(format!(
                "{id} is still being removed; `dayfly ls` shows when it is gone"
            )));
        }
        let next = deadline.min(Instant::now() + CHECK_EVERY);
        let _changed = timeout_at(next, changes.changed()).await;
    }
}

fn unusable(error: &SourceError) -> Refused {
    let code = match error {
        SourceError::TooLarge(_) => Code::TooLarge,
        SourceError::Timeout { .. } => Code::TimedOut,
        SourceError::Unfit { .. } => Code::Unusable,
        _ => Code::Failed,
    };
    Refused::new(code, error.to_string())
}
