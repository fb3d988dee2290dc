//! What is kept of the objects of all repositories, and what of it goes.

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

/// Knows which objects are needed. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Cache {
    needed: Arc<Mutex<Vec<Weak<Needed>>>>,
}

impl Cache {
    /// Keeps what is needed of these objects until they are dropped. One that is not here after this
    /// was removed before.
    pub(super) async fn keep(&self, objects: &Objects) {
        if objects.0.is_empty() {
            return;
        }
        let mut needed = self.needed.lock().await;
        needed.retain(|one| one.strong_count() > 0);
        needed.push(Arc::downgrade(&objects.0));
    }

    /// Removes, of all folders below `root`, what a download left that was cut off, what was not used
    /// for long, and the longest unused of what is more than `bytes_max`. Nothing that is needed goes.
    pub(in super::super) async fn prune(&self, root: &Path, bytes_max: u64) {
        // Nothing becomes needed meanwhile.
        let needed = Arc::clone(&self.needed).lock_owned().await;
        let root = root.to_owned();
        let pruned = tokio::task::spawn_blocking(move || prune(&root, bytes_max, &needed));
        if let Err(error) = pruned.await {
            tracing::warn!(%error, "Git LFS objects were not looked after");
        }
    }
}

/// A file that is kept.
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
                tracing::warn!(path = %file.path.display(), %cause, "a Git LFS object stays");
            }
        }
    }
}

/// Every file of all folders of objects.
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
