//! Changes the pool's folders only by renaming, so that a place is always complete or absent.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::{
    Place,
    place::{FOLDERS, MAKING, PREVIEWS, TRASH},
};
use crate::random;

/// Only Dayfly can enter the pool; containers only see the folders that are bound into them.
pub(super) const FOLDER_MODE: u32 = 0o700;

/// The pool's folders; one change at a time.
#[derive(Debug)]
pub(super) struct Layout {
    root: PathBuf,
    /// Held during changes, so that no parent folder is removed while a place is moved into it.
    changing: Mutex<()>,
}

impl Layout {
    /// Creates the missing folders.
    pub(super) fn new(root: PathBuf) -> io::Result<Self> {
        for name in FOLDERS {
            folder(&root.join(name))?;
        }
        let changing = Mutex::new(());
        Ok(Self { root, changing })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(super) fn place(&self, place: &Place) -> PathBuf {
        self.root.join(place.path())
    }

    /// A new folder for unfinished work.
    pub(super) fn making(&self) -> io::Result<PathBuf> {
        let path = self.making_folder().join(random_name()?);
        folder(&path)?;
        Ok(path)
    }

    /// The folder of all unfinished work.
    pub(super) fn making_folder(&self) -> PathBuf {
        self.folder(MAKING)
    }

    /// Moves a folder to its place; the previous content goes to the trash. Returns whether there
    /// was any.
    pub(super) fn publish(&self, made: &Path, place: &Place) -> io::Result<bool> {
        let _held = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let target = self.place(place);
        let parent = target.parent().unwrap_or(&self.root);
        folder(parent)?;
        let replaced = self.discard(&target)?;
        fs::rename(made, &target)?;
        // A snapshot is created once and forked often, so it is synced. A preview's data may be
        // lost if the host crashes, and a user waits for it.
        if matches!(place, Place::Snapshot(_)) {
            File::open(parent)?.sync_all()?;
        }
        Ok(replaced)
    }

    /// Moves a place to the trash and removes empty parent folders. Returns whether it existed.
    pub(super) fn remove(&self, place: &Place) -> io::Result<bool> {
        let _held = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.place(place);
        let removed = self.discard(&path)?;
        let previews = self.folder(PREVIEWS);
        for parent in path.ancestors().skip(1) {
            let is_ours = parent.starts_with(&previews) && parent != previews;
            // It is not empty, or never existed: either way no parent can be removed.
            if !is_ours || fs::remove_dir(parent).is_err() {
                break;
            }
        }
        Ok(removed)
    }

    /// Moves a folder to the trash. Returns whether it existed.
    pub(super) fn discard(&self, path: &Path) -> io::Result<bool> {
        match fs::rename(path, self.folder(TRASH).join(random_name()?)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Moves all unfinished work to the trash.
    pub(super) fn discard_all_making(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.making_folder())? {
            self.discard(&entry?.path())?;
        }
        Ok(())
    }
}

/// Creates a folder that only its owner can enter, with its parents.
pub(super) fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(path)
}

/// A random unused name.
pub(super) fn random_name() -> io::Result<String> {
    random::hex::<16>().map_err(io::Error::other)
}
