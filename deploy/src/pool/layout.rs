//! Changes of the pool's folders: what is where is changed by renaming alone, so that a place holds
//! everything or nothing.

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

/// Nobody but us enters the pool; containers see only what is bound into them.
pub(super) const FOLDER_MODE: u32 = 0o700;

/// The pool's folders, changed by one at a time.
#[derive(Debug)]
pub(super) struct Layout {
    root: PathBuf,
    /// Held while folders come and go, so that no parent is removed while something moves in.
    changing: Mutex<()>,
}

impl Layout {
    /// Makes the folders that are not there yet.
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

    /// A new folder for something that is being made.
    pub(super) fn making(&self) -> io::Result<PathBuf> {
        let path = self.making_folder().join(random_name()?);
        folder(&path)?;
        Ok(path)
    }

    /// Where everything lies that is being made.
    pub(super) fn making_folder(&self) -> PathBuf {
        self.folder(MAKING)
    }

    /// Puts a folder in its place; what was there goes to the trash. Answers whether something was.
    pub(super) fn publish(&self, made: &Path, place: &Place) -> io::Result<bool> {
        let _held = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let target = self.place(place);
        let parent = target.parent().unwrap_or(&self.root);
        folder(parent)?;
        let replaced = self.discard(&target)?;
        fs::rename(made, &target)?;
        // A snapshot is made once and forked often. Data is as lost as its preview when the host
        // falls over, and is asked for by somebody who waits.
        if matches!(place, Place::Snapshot(_)) {
            File::open(parent)?.sync_all()?;
        }
        Ok(replaced)
    }

    /// Moves a place to the trash and removes parents that are empty then. Answers whether
    /// something was there.
    pub(super) fn remove(&self, place: &Place) -> io::Result<bool> {
        let _held = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.place(place);
        let removed = self.discard(&path)?;
        let previews = self.folder(PREVIEWS);
        for parent in path.ancestors().skip(1) {
            let is_ours = parent.starts_with(&previews) && parent != previews;
            // It is not empty, or was never there: either way nothing is left to do above it.
            if !is_ours || fs::remove_dir(parent).is_err() {
                break;
            }
        }
        Ok(removed)
    }

    /// Moves something to the trash. Answers whether it was there.
    pub(super) fn discard(&self, path: &Path) -> io::Result<bool> {
        match fs::rename(path, self.folder(TRASH).join(random_name()?)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Moves everything that was being made to the trash.
    pub(super) fn discard_all_making(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.making_folder())? {
            self.discard(&entry?.path())?;
        }
        Ok(())
    }
}

/// A folder that only its owner enters, with its parents.
pub(super) fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(path)
}

/// A name that nothing has.
pub(super) fn random_name() -> io::Result<String> {
    random::hex::<16>().map_err(io::Error::other)
}
