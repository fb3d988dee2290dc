//! Deletes whole trees that strangers made: links are removed, never followed, and no depth and no
//! number of entries is too much.

use std::{ffi::CStr, os::fd::OwnedFd, path::Path};

use rustix::{
    fs::{AtFlags, FileType, renameat, unlinkat},
    io::Errno,
};

use super::{
    layout,
    tree::{self, DEPTH_MAX, entries},
};

/// How often one folder is gone through.
const PASSES_MAX: usize = 1_000;

/// Empties a folder and answers whether anything was in it. What cannot be deleted is reported
/// once everything else is gone.
pub(super) fn empty(root: &Path) -> Result<bool, std::io::Error> {
    let root = tree::open_path(root)?;
    let mut deleted = false;
    // Too deep folders come up as new entries, so once through is not enough. Who writes on and on
    // keeps nobody here.
    for _ in 0..PASSES_MAX {
        let (mut progress, mut failure) = (false, None);
        for entry in entries(&root)? {
            let entry = entry?;
            match remove(&root, &root, &entry.name, entry.kind, 0) {
                Ok(()) => progress = true,
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
    Err(std::io::Error::other("somebody still writes to it"))
}

fn remove(
    root: &OwnedFd,
    parent: &OwnedFd,
    name: &CStr,
    kind: FileType,
    depth: usize,
) -> Result<(), std::io::Error> {
    if kind != FileType::Directory {
        return match unlinkat(parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        };
    }
    if depth > DEPTH_MAX {
        // Brought up to the root, it is deleted from there without more open folders.
        return match renameat(parent, name, root, layout::random_name()?) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        };
    }
    // A server that outlived us may still be tidying up in what we threw away.
    let folder = match tree::open_folder(parent, name) {
        Ok(folder) => folder,
        Err(error) if tree::has_changed(error) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for _ in 0..PASSES_MAX {
        let mut found = false;
        for entry in entries(&folder)? {
            let entry = entry?;
            remove(root, &folder, &entry.name, entry.kind, depth + 1)?;
            found = true;
        }
        match unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            // A folder that is read while it shrinks may hide some of its entries.
            Err(Errno::NOTEMPTY) if found => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Errno::NOTEMPTY.into())
}
