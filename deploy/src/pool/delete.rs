//! Deletes untrusted trees of any depth and size. Links are removed, never followed.

use std::{cell::Cell, ffi::CStr, os::fd::OwnedFd, path::Path};

use rustix::{
    fs::{
        AtFlags, FileType, Mode, OFlags, Stat, fstat, ftruncate, openat, renameat, statat, unlinkat,
    },
    io::Errno,
};

use super::{
    layout,
    tree::{self, DEPTH_MAX, entries},
};

/// Maximum passes over one folder.
const PASSES_MAX: usize = 1_000;

/// A larger file is truncated by about this much at a time before it is deleted: freeing it at once
/// may take seconds, and a clone would have to wait.
const PIECE_BYTES: u64 = 32 << 20;

/// Maximum such steps in total; after that, files are deleted as a whole. Files that share blocks
/// may seem larger than the space they use.
const PIECES_MAX: u64 = 10_000;

/// Files are truncated to whole blocks, so that truncating writes nothing.
const BLOCK_BYTES: u64 = 4096;

/// The state of one deletion.
struct Emptying<'a> {
    root: OwnedFd,
    may_go_on: &'a dyn Fn() -> bool,
    pieces_left: Cell<u64>,
}

/// Empties a folder and returns whether it contained anything. Failures are reported after
/// everything else is deleted. Calls `may_go_on` repeatedly, which may block. If it returns false,
/// the rest stays, and the error satisfies [`is_cut_off`].
pub(super) fn empty(root: &Path, may_go_on: &dyn Fn() -> bool) -> Result<bool, std::io::Error> {
    let this = Emptying {
        root: tree::open_path(root)?,
        may_go_on,
        pieces_left: Cell::new(PIECES_MAX),
    };
    let mut deleted = false;
    // Too deep folders are moved up as new entries, so one pass is not enough. The limit stops a
    // race with a process that keeps writing.
    for _ in 0..PASSES_MAX {
        let (mut progress, mut failure) = (false, None);
        for entry in entries(&this.root)? {
            let entry = entry?;
            match this.remove(&this.root, &entry.name, entry.kind, 0) {
                Ok(()) => progress = true,
                Err(error) if is_cut_off(&error) => return Err(error),
                Err(error) => failure = Some(error),
            }
        }
        deleted |= progress;
        match failure {
            Some(error) if !progress => return Err(error),
            None if !progress => return Ok(deleted),
            _ => {}
        }
    }
    Err(std::io::Error::other("a process still writes to it"))
}

#[derive(Debug, thiserror::Error)]
#[error("the deletion was interrupted")]
struct CutOff;

/// Whether a deletion ended because `may_go_on` returned false.
pub(super) fn is_cut_off(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<CutOff>())
}

impl Emptying<'_> {
    fn may_go_on_or_cut_off(&self) -> Result<(), std::io::Error> {
        match (self.may_go_on)() {
            true => Ok(()),
            false => Err(std::io::Error::other(CutOff)),
        }
    }

    fn remove(
        &self,
        parent: &OwnedFd,
        name: &CStr,
        kind: FileType,
        depth: usize,
    ) -> Result<(), std::io::Error> {
        if kind != FileType::Directory {
            self.may_go_on_or_cut_off()?;
            if kind == FileType::RegularFile {
                // A file that cannot be truncated can still be deleted.
                let _whole = self.shorten(parent, name);
                self.may_go_on_or_cut_off()?;
            }
            return match unlinkat(parent, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => Ok(()),
                Err(error) => Err(error.into()),
            };
        }
        if depth > DEPTH_MAX {
            // It was moved up to the root and is deleted from there without more open folders.
            return match renameat(parent, name, &self.root, layout::random_name()?) {
                Ok(()) | Err(Errno::NOENT) => Ok(()),
                Err(error) => Err(error.into()),
            };
        }
        // A database server that survived a crash of Dayfly may still delete files in the trash.
        let folder = match tree::open_folder(parent, name) {
            Ok(folder) => folder,
            Err(error) if tree::has_changed(error) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for _ in 0..PASSES_MAX {
            let mut found = false;
            for entry in entries(&folder)? {
                let entry = entry?;
                self.remove(&folder, &entry.name, entry.kind, depth + 1)?;
                found = true;
            }
            match unlinkat(parent, name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                // Reading a folder while entries are removed may miss some.
                Err(Errno::NOTEMPTY) if found => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::NOTEMPTY.into())
    }

    /// Frees a large file piece by piece. A file with another hard link is skipped: its content may
    /// be in use.
    fn shorten(&self, parent: &OwnedFd, name: &CStr) -> Result<(), Errno> {
        if pieces(&statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?).is_none() {
            return Ok(());
        }
        // If it has become a pipe, opening it would wait for a reader.
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(parent, name, flags, Mode::empty())?;
        let stat = fstat(&file)?;
        let Some(pieces) = pieces(&stat) else {
            return Ok(());
        };
        let mut left = u64::try_from(stat.st_size).unwrap_or(0);
        let piece = left.div_ceil(pieces).max(BLOCK_BYTES);
        while left > 0 && self.pieces_left.get() > 0 {
            if !(self.may_go_on)() {
                return Ok(());
            }
            left = left.saturating_sub(piece) / BLOCK_BYTES * BLOCK_BYTES;
            ftruncate(&file, left)?;
            self.pieces_left.set(self.pieces_left.get() - 1);
        }
        Ok(())
    }
}

/// The number of pieces in which a file is freed; `None` for a small file or one with another hard
/// link.
fn pieces(stat: &Stat) -> Option<u64> {
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    let taken = u64::try_from(stat.st_blocks)
        .unwrap_or(0)
        .saturating_mul(512);
    (is_file && stat.st_nlink == 1 && taken > PIECE_BYTES).then(|| taken.div_ceil(PIECE_BYTES))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_large_file_goes_in_pieces_and_one_with_another_name_keeps_its_content_there() {
        let folder = tempfile::tempdir().unwrap();
        let trash = folder.path().join("trash");
        fs::create_dir(&trash).unwrap();
        let content = vec![7; 3 * PIECE_BYTES as usize];
        fs::write(trash.join("large"), &content).unwrap();
        fs::write(folder.path().join("kept"), &content).unwrap();
        fs::hard_link(folder.path().join("kept"), trash.join("linked")).unwrap();
        let sparse = fs::File::create(trash.join("sparse")).unwrap();
        sparse.set_len(1 << 40).unwrap();
        let asked = Cell::new(0);
        let may_go_on = || {
            asked.set(asked.get() + 1);
            true
        };
        assert!(empty(&trash, &may_go_on).unwrap());
        // Before and after truncating each file, and before each piece of the large one. A block for
        // the file system's own list of the file's blocks may make one piece more.
        assert!((2 * 3 + 3..=2 * 3 + 4).contains(&asked.get()), "{asked:?}");
        assert_eq!(fs::read(folder.path().join("kept")).unwrap(), content);
        assert_eq!(fs::read_dir(&trash).unwrap().count(), 0);
    }

    #[test]
    fn an_emptying_that_may_not_go_on_ends_within_a_piece_and_is_taken_up_again() {
        let trash = tempfile::tempdir().unwrap();
        let large = trash.path().join("large");
        fs::write(&large, vec![7; 3 * PIECE_BYTES as usize]).unwrap();
        let left = Cell::new(2);
        let may_go_on = || {
            left.set(left.get() - 1);
            left.get() >= 0
        };
        let error = empty(trash.path(), &may_go_on).unwrap_err();
        assert!(is_cut_off(&error), "{error}");
        let length = fs::metadata(&large).unwrap().len();
        assert!((2 * PIECE_BYTES..3 * PIECE_BYTES).contains(&length));
        assert!(empty(trash.path(), &|| true).unwrap());
        assert!(!large.exists());
    }
}
