//! Removes what killed git processes leave in a mirror.

use std::{
    ffi::OsStr,
    fs::DirEntry,
    io,
    path::{Path, PathBuf},
};

/// Whether a process still writes to the file; it is renamed at the end.
pub(super) fn is_unfinished(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"tmp_")
}

/// Whether a file of this name is a leftover, provided that no process is writing.
fn is_leftover(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let begins: [&[u8]; 3] = [b"fast_import_crash_", b"tmp_", b"shallow_"];
    let ends: [&[u8]; 3] = [b".lock", b".new", b".keep"];
    begins.iter().any(|begin| name.starts_with(begin)) || ends.iter().any(|end| name.ends_with(end))
}

/// Removes the leftovers of killed git processes and returns the number of files. The caller holds
/// the mirror's lock, so no such process can still run. A leftover that cannot be removed is not an
/// error.
pub(super) async fn sweep(dir: &Path) -> usize {
    let dir = dir.to_owned();
    let swept = tokio::task::spawn_blocking(move || {
        let below = |name: &str| folders(&dir.join(name));
        let folders = [dir.clone(), dir.join("refs"), dir.join("objects")];
        let folders = folders
            .into_iter()
            .chain(below("refs"))
            .chain(below("objects"));
        let swept: usize = folders
            .map(|folder| remove(&folder, |entry| is_leftover(&entry.file_name())))
            .sum();
        swept + remove(&dir.join("refs/dayfly"), is_cut_off)
    });
    swept.await.unwrap_or_default()
}

/// A power cut can leave an empty ref, and git refuses to work with one.
fn is_cut_off(entry: &DirEntry) -> bool {
    entry.metadata().is_ok_and(|data| data.len() < 40)
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}

fn remove(folder: &Path, test: impl Fn(&DirEntry) -> bool) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut removed = 0;
    for entry in files.filter(test) {
        match std::fs::remove_file(entry.path()) {
            Ok(()) => removed += 1,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => {
                tracing::warn!(path = %entry.path().display(), %cause, "cannot remove a leftover");
            }
        }
    }
    removed
}
