//! The cache of all repositories' objects, and its eviction.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::{Duration, SystemTime},
};

use tokio::sync::Mutex;

use super::{
    super::limits::LFS_UNUSED,
    objects::{Needed, Objects, is_unfinished},
};

/// Tracks the objects in use. Clones share the state.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Cache {
    needed: Arc<Mutex<Vec<Weak<Needed>>>>,
}

impl Cache {
    /// Keeps the existing ones of these objects until the handle is dropped. An object missing
    /// after this was already removed.
    pub(super) async fn keep(&self, objects: &Objects) {
        if objects.0.is_empty() {
            return;
        }
        let mut needed = self.needed.lock().await;
        needed.retain(|one| one.strong_count() > 0);
        needed.push(Arc::downgrade(&objects.0));
    }

    /// Removes from all folders below `root`: interrupted downloads, objects unused for long, and
    /// the least recently used ones beyond `bytes_max`. Objects in use stay.
    pub(in super::super) async fn prune(&self, root: &Path, bytes_max: u64) {
        // The lock prevents new uses meanwhile.
        let needed = Arc::clone(&self.needed).lock_owned().await;
        let root = root.to_owned();
        let pruned = tokio::task::spawn_blocking(move || prune(&root, bytes_max, &needed));
        if let Err(error) = pruned.await {
            tracing::warn!(%error, "cannot remove unused Git LFS objects");
        }
    }
}

/// A cached file.
struct Kept {
    path: PathBuf,
    used: SystemTime,
    bytes: u64,
}

fn prune(root: &Path, bytes_max: u64, needed: &[Weak<Needed>]) {
    let needed: Vec<Arc<Needed>> = needed.iter().filter_map(Weak::upgrade).collect();
    let mut files = kept(root);
    files.sort_unstable_by_key(|file| (!is_unfinished(&file.path), file.used));
    let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
    for file in files {
        let idle = file.used.elapsed().unwrap_or(Duration::ZERO);
        let goes = is_unfinished(&file.path) || idle > LFS_UNUSED || bytes > bytes_max;
        if !goes || needed.iter().any(|one| one.has(&file.path)) {
            continue;
        }
        match std::fs::remove_file(&file.path) {
            Ok(()) => bytes -= file.bytes,
            Err(cause) => {
                tracing::warn!(path = %file.path.display(), %cause, "cannot remove an LFS object");
            }
        }
    }
}

/// All files in all object folders.
fn kept(root: &Path) -> Vec<Kept> {
    let folders = entries(root).filter(|path| path.extension().is_some_and(|kind| kind == "lfs"));
    let files = folders.flat_map(|folder| entries(&folder));
    let kept = files.filter_map(|path| {
        let data = path.symlink_metadata().ok().filter(|data| data.is_file())?;
        Some(Kept {
            used: data.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            bytes: data.len(),
            path,
        })
    });
    kept.collect()
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}
