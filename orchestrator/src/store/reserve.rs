//! A file that reserves disk space for the store: even on a full disk the store can record a
//! removal, which frees space.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use nix::{fcntl::posix_fallocate, sys::statvfs::statvfs};

/// The size of the reserve.
const RESERVE_BYTES: u64 = 32 << 20;
/// Below this much free space the reserve is released.
const GIVEN_UP_BELOW_BYTES: u64 = 16 << 20;
/// From this much free space on the reserve is taken again. The gap to the limit above keeps it
/// stable.
const TAKEN_FROM_BYTES: u64 = 256 << 20;

/// The reserve: a file beside the store's.
#[derive(Debug)]
pub(super) struct Reserve {
    folder: PathBuf,
    file: PathBuf,
    taken: bool,
}

impl Reserve {
    /// Takes the reserve where the disk has enough free space.
    pub(super) fn beside(store: &Path) -> Self {
        let folder = match store.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let file = folder.join("reserve");
        let mut reserve = Self {
            taken: std::fs::metadata(&file).is_ok_and(|there| there.len() == RESERVE_BYTES),
            folder: folder.to_owned(),
            file,
        };
        reserve.tend();
        reserve
    }

    /// Releases the reserve or takes it again, by the free space of the disk. Costs one system
    /// call.
    pub(super) fn tend(&mut self) {
        let free = match statvfs(&self.folder) {
            Ok(disk) => disk.blocks_available().saturating_mul(disk.fragment_size()),
            Err(error) => {
                tracing::debug!(%error, "cannot measure the free disk space of the store");
                return;
            }
        };
        if self.taken && free < GIVEN_UP_BELOW_BYTES {
            self.give_up();
        } else if !self.taken && free >= TAKEN_FROM_BYTES {
            match self.take_space() {
                Ok(()) => self.taken = true,
                Err(error) => tracing::warn!(%error, "cannot reserve disk space for the store"),
            }
        }
    }

    fn give_up(&mut self) {
        tracing::warn!(
            "the disk of the data directory is full, and the store uses its reserve: remove \
             previews or free disk space"
        );
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "cannot release the disk reserve of the store");
            }
            _ => self.taken = false,
        }
    }

    fn take_space(&self) -> io::Result<()> {
        // An unfinished file from a crash, or anything else of that name.
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.file)?;
        let bytes = i64::try_from(RESERVE_BYTES).unwrap_or(i64::MAX);
        posix_fallocate(&file, 0, bytes).map_err(|error| {
            // Best effort: a part of the reserve is of no use.
            let _gone = std::fs::remove_file(&self.file);
            error.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_really_there_and_is_kept_once() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("dayfly.db");
        let reserve = Reserve::beside(&store);
        assert!(reserve.taken, "this test needs a disk with room");
        let file = folder.path().join("reserve").metadata().unwrap();
        assert!(file.blocks() * 512 >= RESERVE_BYTES);
        let again = Reserve::beside(&store);
        assert!(again.taken);
        assert_eq!(
            folder.path().join("reserve").metadata().unwrap().ino(),
            file.ino()
        );
    }

    #[test]
    fn one_that_was_half_made_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("reserve"), "half").unwrap();
        assert!(Reserve::beside(&folder.path().join("dayfly.db")).taken);
        let length = folder.path().join("reserve").metadata().unwrap().len();
        assert_eq!(length, RESERVE_BYTES);
    }
}
