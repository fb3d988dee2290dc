//! A file that keeps the last room of the disk for the store: however full the disk is, a removal
//! can still be written down, and gives room back.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use nix::{fcntl::posix_fallocate, sys::statvfs::statvfs};

/// What it keeps.
const RESERVE_BYTES: u64 = 32 << 20;
/// With less than this free on the disk it is given up.
const GIVEN_UP_BELOW_BYTES: u64 = 16 << 20;
/// With this much free it is taken again: room that comes and goes does not move it.
const TAKEN_FROM_BYTES: u64 = 256 << 20;

/// The file beside the store's.
#[derive(Debug)]
pub(super) struct Reserve {
    folder: PathBuf,
    file: PathBuf,
    taken: bool,
}

impl Reserve {
    /// Takes it where there is room.
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

    /// Gives it up or takes it again, as the disk's room asks for. Costs a question to the kernel.
    pub(super) fn tend(&mut self) {
        let free = match statvfs(&self.folder) {
            Ok(disk) => disk.blocks_available().saturating_mul(disk.fragment_size()),
            Err(error) => {
                tracing::debug!(%error, "the store's disk is not measured");
                return;
            }
        };
        if self.taken && free < GIVEN_UP_BELOW_BYTES {
            self.give_up();
        } else if !self.taken && free >= TAKEN_FROM_BYTES {
            match self.take_space() {
                Ok(()) => self.taken = true,
                Err(error) => tracing::warn!(%error, "no room is kept for the store"),
            }
        }
    }

    fn give_up(&mut self) {
        tracing::warn!(
            "the disk below the data directory is full; the store gets what was kept for it: \
             remove previews or free some of the disk"
        );
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "what was kept for the store cannot be given up");
            }
            _ => self.taken = false,
        }
    }

    fn take_space(&self) -> io::Result<()> {
        // One that a death left half made, or anything else of that name.
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
            // Best effort: a part of it would be room that nobody has.
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
