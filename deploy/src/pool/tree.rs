//! Accesses untrusted folders without ever following a link: every name is relative to an open
//! folder.

use std::{
    ffi::{CStr, CString},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat, syncfs},
    io::Errno,
};

use super::PoolError;

/// Maximum depth of folders in a walk.
pub(super) const DEPTH_MAX: usize = 64;
/// Maximum entries of a walk.
pub(super) const ENTRIES_MAX: u64 = 2_000_000;

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// An entry of a folder.
pub(super) struct Entry {
    pub(super) name: CString,
    pub(super) kind: FileType,
}

/// Opens a folder by its path; the last component must not be a link.
pub(super) fn open_path(path: &Path) -> Result<OwnedFd, Errno> {
    openat(CWD, path, FOLDER, Mode::empty())
}

/// Opens a folder in a folder.
pub(super) fn open_folder(parent: impl AsFd, name: &CStr) -> Result<OwnedFd, Errno> {
    openat(parent, name, FOLDER, Mode::empty())
}

/// Opens a regular file for reading; `None` if it has become something else. Its type is checked
/// before opening, since opening a pipe or a device has side effects.
pub(super) fn open_file(parent: impl AsFd, name: &CStr) -> Result<Option<(OwnedFd, Stat)>, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = openat(parent, name, flags, Mode::empty())?;
    let stat = fstat(&held)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOATIME;
    let path = format!("/proc/self/fd/{}", held.as_raw_fd());
    let file = match openat(CWD, &path, flags, Mode::empty()) {
        // Only a file's owner and root may read it without updating its access time.
        Err(Errno::PERM) => openat(CWD, &path, flags - OFlags::NOATIME, Mode::empty())?,
        other => other?,
    };
    Ok(Some((file, stat)))
}

/// Visits the entries of a folder. Entries that vanish meanwhile are skipped.
pub(super) fn entries(
    folder: &OwnedFd,
) -> Result<impl Iterator<Item = Result<Entry, Errno>> + '_, Errno> {
    let entries = Dir::read_from(folder)?;
    Ok(entries.filter_map(move |entry| match entry {
        Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => None,
        Ok(entry) => told(folder, entry.file_name(), entry.file_type()).transpose(),
        Err(error) => Some(Err(error)),
    }))
}

/// Whether an error means that an entry was removed or replaced.
pub(super) fn has_changed(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::LOOP | Errno::NOTDIR)
}

fn told(folder: &OwnedFd, name: &CStr, kind: FileType) -> Result<Option<Entry>, Errno> {
    let kind = if kind == FileType::Unknown {
        match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => FileType::from_raw_mode(stat.st_mode),
            Err(error) if has_changed(error) => return Ok(None),
            Err(error) => return Err(error),
        }
    } else {
        kind
    };
    let name = name.to_owned();
    Ok(Some(Entry { name, kind }))
}

/// Syncs the file system that contains the directory; blocking.
pub(super) fn sync(directory: &Path) -> Result<(), PoolError> {
    open_path(directory)
        .and_then(syncfs)
        .map_err(|error| PoolError::of(format!("sync {}", directory.display()), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_become_a_link_or_a_pipe_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("file")).unwrap();
        std::os::unix::fs::symlink("/etc", folder.path().join("folder")).unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let held = open_path(folder.path()).unwrap();
        assert!(open_file(&held, c"file").unwrap().is_none());
        assert!(open_file(&held, c"pipe").unwrap().is_none());
        assert!(has_changed(open_folder(&held, c"folder").unwrap_err()));
        assert!(has_changed(open_folder(&held, c"pipe").unwrap_err()));
        assert!(has_changed(open_file(&held, c"gone").unwrap_err()));
    }
}
