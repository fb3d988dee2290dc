//! Checks what an archive may hold: its author may be hostile.

use std::{
    io::{self, Read},
    os::unix::ffi::OsStrExt as _,
    path::{Component, Path},
};

use anyhow::{bail, ensure};
use deploy::{
    pool::ARCHIVE_DEPTH_MAX,
    source::{MirrorFile, is_config_of_mirror},
};
use tar::EntryType;

use super::{MIRRORS, POOL, STORE};

/// The longest path that the system accepts.
const PATH_BYTES_MAX: usize = 4096;
/// The longest name of a file or folder that the system accepts.
const NAME_BYTES_MAX: usize = 255;

/// Whether a record is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is restored.
    Wanted,
    /// It is never written: a file in a mirror that no mirror needs.
    Needless,
}

/// Refuses entries that no backup has: other kinds of files, links outside data, paths that point
/// outside the archive, and paths that would take long to unpack.
pub(super) fn accept(entry: &tar::Entry<'_, impl Read>, path: &Path) -> anyhow::Result<Verdict> {
    accept_path(path)?;
    let kind = entry.header().entry_type();
    let known = match kind {
        EntryType::Regular | EntryType::GNUSparse => match top(path) {
            Some(STORE) => path == Path::new(STORE),
            Some(MIRRORS) => match of_mirrors(path) {
                MirrorFile::Known => true,
                MirrorFile::Unknown => return Ok(Verdict::Needless),
                MirrorFile::Obeyed => false,
            },
            _ => true,
        },
        EntryType::Directory => top(path) != Some(STORE),
        EntryType::Symlink => is_among_data(path),
        _ => false,
    };
    ensure!(
        known,
        "the archive holds {}, a {kind:?}, which no backup has",
        path.display()
    );
    Ok(Verdict::Wanted)
}

/// Refuses a bad path before anything is created from it.
fn accept_path(path: &Path) -> anyhow::Result<()> {
    let text = path.as_os_str().as_bytes();
    let shown = || String::from_utf8_lossy(&text[..text.len().min(100)]).into_owned();
    ensure!(
        text.len() <= PATH_BYTES_MAX,
        "the archive holds a path of {} bytes, which no backup has: {}…",
        text.len(),
        shown()
    );
    let mut depth = 0_usize;
    for part in path.components() {
        depth += 1;
        match part {
            Component::Normal(name) => ensure!(
                name.len() <= NAME_BYTES_MAX,
                "the archive holds a name of {} bytes, which no backup has: {}…",
                name.len(),
                shown()
            ),
            _ => bail!(
                "the archive holds {}, which points outside of it",
                path.display()
            ),
        }
    }
    ensure!(
        depth <= ARCHIVE_DEPTH_MAX,
        "the archive nests folders {depth} deep, which no backup has: {}…",
        shown()
    );
    Ok(())
}

/// The kind of a file below the folder of mirrors: part of a mirror, or the lock beside it.
fn of_mirrors(path: &Path) -> MirrorFile {
    let mut parts = path.components().skip(1);
    let name = parts.next().and_then(|part| part.as_os_str().to_str());
    let inside: std::path::PathBuf = parts.collect();
    let is_top = inside.as_os_str().is_empty();
    match name.and_then(|name| name.rsplit_once('.')) {
        Some((_, "git")) if !is_top => MirrorFile::of(&inside),
        Some((_, "lock")) if is_top => MirrorFile::Known,
        _ => MirrorFile::Obeyed,
    }
}

/// Refuses mirrors with foreign git settings: git would obey them.
pub(super) fn accept_mirrors(folder: &Path) -> anyhow::Result<()> {
    let mirrors = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for mirror in mirrors {
        let config = mirror?.path().join("config");
        match std::fs::read_to_string(&config) {
            Ok(text) => ensure!(
                is_config_of_mirror(&text),
                "the archive holds settings for {}, which no backup has",
                config.display()
            ),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether a path is below the data folder of a database.
fn is_among_data(path: &Path) -> bool {
    let parts: Vec<_> = path.components().map(Component::as_os_str).collect();
    let data = match parts.as_slice() {
        [pool, snapshots, _, data, _, ..] if *snapshots == "snapshots" => (*pool, *data),
        [pool, previews, _, _, _, data, _, ..] if *previews == "previews" => (*pool, *data),
        _ => return false,
    };
    data.0 == POOL && data.1 == "data"
}

/// The snapshot or database that a path belongs to, as one path.
pub(super) fn place(path: &Path) -> Option<std::path::PathBuf> {
    let mut parts = path.components().map(Component::as_os_str);
    if parts.next()? != POOL {
        return None;
    }
    let (kind, depth) = match parts.next()?.to_str()? {
        kind @ "snapshots" => (kind, 1),
        kind @ "previews" => (kind, 3),
        _ => return None,
    };
    let names: Vec<_> = parts.take(depth).collect();
    (names.len() == depth).then(|| std::iter::once(kind.as_ref()).chain(names).collect())
}

/// The first name of a path; none where the path does not begin with a name.
pub(super) fn top(path: &Path) -> Option<&str> {
    match path.components().next()? {
        Component::Normal(name) => name.to_str(),
        _ => None,
    }
}
