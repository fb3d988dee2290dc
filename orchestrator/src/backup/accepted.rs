//! What an archive may hold. Whoever made it may want more than to bring back what there was.

use std::{
    ffi::OsStr,
    io::{self, Read},
    path::{Component, Path},
};

use anyhow::ensure;
use deploy::source::{is_config_of_mirror, is_of_mirror};
use tar::EntryType;

use super::{MIRRORS, POOL, STORE};

/// Refuses what no backup has: other kinds of files, and links anywhere but among data.
pub(super) fn accept(entry: &tar::Entry<'_, impl Read>, path: &Path) -> anyhow::Result<()> {
    let kind = entry.header().entry_type();
    let known = match kind {
        EntryType::Regular | EntryType::GNUSparse => match top(path) {
            Some(STORE) => path == Path::new(STORE),
            Some(MIRRORS) => is_of_mirrors(path),
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
    Ok(())
}

/// Whether a file is one of a mirror, or the lock beside it.
fn is_of_mirrors(path: &Path) -> bool {
    let Ok(below) = path.strip_prefix(MIRRORS) else {
        return false;
    };
    let mut parts = below.components();
    let mirror = parts.next().map(|part| Path::new(part.as_os_str()));
    let inside = parts.as_path();
    match mirror.and_then(Path::extension).and_then(OsStr::to_str) {
        Some("git") => is_of_mirror(inside),
        Some("lock") => inside == Path::new(""),
        _ => false,
    }
}

/// Refuses settings of mirrors that are not ours: git would do what they say.
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

/// Whether a path is below what a container sees.
fn is_among_data(path: &Path) -> bool {
    let parts: Vec<_> = path.components().map(Component::as_os_str).collect();
    let data = match parts.as_slice() {
        [pool, snapshots, _, data, _, ..] if *snapshots == "snapshots" => (*pool, *data),
        [pool, previews, _, _, _, data, _, ..] if *previews == "previews" => (*pool, *data),
        _ => return false,
    };
    data.0 == POOL && data.1 == "data"
}

/// The first part of a path that leads nowhere else.
pub(super) fn top(path: &Path) -> Option<&str> {
    match path.components().next()? {
        Component::Normal(name) => name.to_str(),
        _ => None,
    }
}
