//! Cleans up when a server starts after a restore or a crash.

use std::path::Path;

use anyhow::{Context as _, ensure};
use deploy::docker::Docker;

use super::{RESTORED, STORE, UNPACKED, WITHOUT_DATA, scratch::Scratch, write::StoreCopy};
use crate::{
    clock::wall_ms,
    lifecycle::{Desired, Ending},
    store::Store,
};

/// Refuses a data directory with an unfinished restore, before anything in it is opened: a server
/// would begin anew in it, and the next restore would remove its data. Removes the rest of a
/// finished restore.
///
/// # Errors
/// Where a restore did not finish, and where its rest cannot be removed.
pub fn finish_restore(data: &Path) -> anyhow::Result<()> {
    let unpacked = data.join(UNPACKED);
    if !unpacked.try_exists()? {
        return Ok(());
    }
    // The store comes last, so everything else is in its place by then.
    ensure!(
        data.join(STORE).try_exists()?,
        "a restore into {} did not finish, as {} shows; run `dayfly restore` again, or remove the \
         whole directory to begin without the backup",
        data.display(),
        unpacked.display()
    );
    std::fs::remove_dir_all(&unpacked)
        .with_context(|| format!("cannot remove {}", unpacked.display()))
}

/// Removes the leftovers of interrupted copies and checks. After a restore it also removes all
/// containers, since they belong to other data.
///
/// # Errors
/// Where containers cannot be removed.
pub async fn settle(data: &Path, docker: &Docker, store: &Store) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(data).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let removed = match name.to_str() {
            Some(name) if StoreCopy::is_one(name) => std::fs::remove_file(entry.path()),
            Some(name) if Scratch::is_one(name) => std::fs::remove_dir_all(entry.path()),
            _ => continue,
        };
        removed.with_context(|| format!("cannot remove {}", entry.path().display()))?;
    }
    let restored = data.join(RESTORED);
    if !restored.try_exists()? {
        return Ok(());
    }
    let ended = docker.end_all().await;
    ended.context("cannot remove the containers from before the restore")?;
    if std::fs::read_to_string(&restored)? == WITHOUT_DATA {
        give_up_data(store).await?;
    }
    std::fs::remove_file(&restored).with_context(|| format!("cannot remove {}", restored.display()))
}

/// Gives up data that the backup left out. Seeds can create data again; named snapshots and copies
/// of data have no seed, and are removed.
async fn give_up_data(store: &Store) -> anyhow::Result<()> {
    for snapshot in store.forget_data().await? {
        tracing::warn!(
            snapshot,
            "the backup has no data of this named snapshot; removing it"
        );
    }
    for row in store.previews().await? {
        if !row.desired.origin.is_copy() || row.gone_at_ms.is_some() {
            continue;
        }
        tracing::warn!(preview = %row.id, "the backup has no data of this preview; removing it");
        let change = |desired: &mut Desired| desired.end(Ending::Removed);
        store.change_desired(&row.id, wall_ms(), change).await?;
    }
    Ok(())
}
