//! What the first start after a restore has to bring in order, and any start after a death.

use std::path::Path;

use anyhow::Context as _;
use deploy::docker::Docker;

use super::{RESTORED, WITHOUT_DATA, scratch::Scratch, write::StoreCopy};
use crate::{
    clock::wall_ms,
    lifecycle::{Desired, Ending},
    store::Store,
};

/// At the start of a server: what runs was made for other data than those that were restored, and
/// what a death left of a copy or a check goes.
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
    ended.context("what ran before the restore cannot be removed")?;
    if std::fs::read_to_string(&restored)? == WITHOUT_DATA {
        give_up_data(store).await?;
    }
    std::fs::remove_file(&restored).with_context(|| format!("cannot remove {}", restored.display()))
}

/// Data that are not there can be made again from their seeds. What had none goes: snapshots with a
/// name, and what was taken of data.
async fn give_up_data(store: &Store) -> anyhow::Result<()> {
    for snapshot in store.forget_data().await? {
        tracing::warn!(snapshot, "it was not in the backup, and is forgotten");
    }
    for row in store.previews().await? {
        if !row.desired.origin.is_copy() || row.gone_at_ms.is_some() {
            continue;
        }
        tracing::warn!(preview = %row.id, "its data were not in the backup; it is removed");
        let change = |desired: &mut Desired| desired.end(Ending::Removed);
        store.change_desired(&row.id, wall_ms(), change).await?;
    }
    Ok(())
}
