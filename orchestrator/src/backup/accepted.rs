//! Checks what an archive may hold: its author may be hostile.

use std::{
    io::{self, Read},
    os::unix::ffi::OsStrExt as _,
    path::{Component, Path},
};

use anyhow::{bail, ensure};
use deploy::{
    names::{DatabaseName, Generation, PreviewId, SnapshotId},
    pool::ARCHIVE_DEPTH_MAX,
    source::{MirrorFile, is_config_of_mirror},
};
use tar::EntryType;

use super::{CHECKSUMS, LOGS, MIRRORS, POOL, STORE};
use crate::text::plain;

/// The longest path that the system accepts.
const PATH_BYTES_MAX: usize = 4096;
/// The longest name of a file or folder that the system accepts.
const NAME_BYTES_MAX: usize = 255;
/// The longest target of a link that a system accepts.
const LINK_BYTES_MAX: usize = 4095;

/// The folders of the pool in an archive.
const SNAPSHOTS: &str = "snapshots";
const PREVIEWS: &str = "previews";
/// The parts of a snapshot or database.
const DATA: &str = "data";
const ABOUT: &str = "about.json";

/// Checks for one name of a path.
type NameCheck = fn(&str) -> bool;
/// The names between a folder of the pool and the parts of a snapshot or database.
static SNAPSHOT_NAMES: [NameCheck; 1] = [|name| SnapshotId::parse(name).is_ok()];
static DATABASE_NAMES: [NameCheck; 3] = [
    |name| PreviewId::parse(name).is_ok(),
    is_generation,
    |name| DatabaseName::parse(name).is_ok(),
];

/// Whether a record is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is restored.
    Wanted,
    /// It is never written: a file in a mirror that no mirror needs.
    Needless,
}

/// Refuses entries that no backup has: other kinds of files, links outside data, paths that point
/// outside the archive, paths that would take long to unpack, and owners that no system has.
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
            Some(POOL) => is_of_pool(path, false),
            Some(LOGS | CHECKSUMS) => path.components().count() > 1,
            _ => true,
        },
        EntryType::Directory => match top(path) {
            Some(STORE) => false,
            Some(POOL) => is_of_pool(path, true),
            _ => true,
        },
        EntryType::Symlink => is_among_data(path) && is_of_pool(path, false),
        _ => false,
    };
    ensure!(
        known,
        "the archive holds {}, a {kind:?}, which no backup has",
        shown(path)
    );
    if kind == EntryType::Symlink {
        accept_link(entry, path)?;
    }
    if top(path) != Some(CHECKSUMS) {
        accept_owner(entry.header(), path)?;
    }
    Ok(Verdict::Wanted)
}

/// Refuses the target of a link that no file system takes.
fn accept_link<R: io::Read>(entry: &tar::Entry<'_, R>, path: &Path) -> anyhow::Result<()> {
    let length = entry.link_name_bytes().map_or(0, |target| target.len());
    ensure!(
        (1..=LINK_BYTES_MAX).contains(&length),
        "the archive holds {}, a link to a path of {length} bytes, which no backup has",
        shown(path)
    );
    Ok(())
}

/// Refuses an owner that a restore by root could not set.
fn accept_owner(header: &tar::Header, path: &Path) -> anyhow::Result<()> {
    let is_known = |id: io::Result<u64>| id.is_ok_and(|id| id < u64::from(u32::MAX));
    ensure!(
        is_known(header.uid()) && is_known(header.gid()),
        "the archive holds {} with an owner that no system has",
        shown(path)
    );
    Ok(())
}

/// A path of the archive for people.
pub(super) fn shown(path: &Path) -> String {
    plain(&path.to_string_lossy())
}

/// Refuses a bad path before anything is created from it.
fn accept_path(path: &Path) -> anyhow::Result<()> {
    let text = path.as_os_str().as_bytes();
    let shown = || plain(&String::from_utf8_lossy(&text[..text.len().min(100)]));
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
            _ => bail!("the archive holds {}, which points outside of it", shown()),
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
                shown(&config)
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
        [pool, snapshots, _, data, _, ..] if *snapshots == SNAPSHOTS => (*pool, *data),
        [pool, previews, _, _, _, data, _, ..] if *previews == PREVIEWS => (*pool, *data),
        _ => return false,
    };
    data.0 == POOL && data.1 == DATA
}

/// Whether a path below the pool's folder leads to a snapshot or database, or is part of one.
fn is_of_pool(path: &Path, is_folder: bool) -> bool {
    let mut parts = path.components().skip(1).map(Component::as_os_str);
    let names: &[NameCheck] = match parts.next().map(|kind| kind.to_str()) {
        None => return is_folder,
        Some(Some(SNAPSHOTS)) => &SNAPSHOT_NAMES,
        Some(Some(PREVIEWS)) => &DATABASE_NAMES,
        Some(_) => return false,
    };
    for is_valid in names {
        match parts.next() {
            None => return is_folder,
            Some(name) if name.to_str().is_some_and(is_valid) => {}
            Some(_) => return false,
        }
    }
    match parts.next() {
        None => is_folder,
        Some(part) if part == DATA => is_folder || parts.next().is_some(),
        Some(part) => part == ABOUT && !is_folder && parts.next().is_none(),
    }
}

/// Whether a name is that of a generation, in the only form that Dayfly writes.
fn is_generation(name: &str) -> bool {
    let number = name
        .strip_prefix('g')
        .and_then(|number| number.parse::<u32>().ok());
    number.is_some_and(|number| Generation(number).to_string() == name)
}

/// The snapshot or database whose data a path belongs to, as one path.
pub(super) fn place(path: &Path) -> Option<std::path::PathBuf> {
    let mut parts = path.components().map(Component::as_os_str);
    if parts.next()? != POOL {
        return None;
    }
    let kind = parts.next()?.to_str()?;
    let depth = match kind {
        SNAPSHOTS => SNAPSHOT_NAMES.len(),
        PREVIEWS => DATABASE_NAMES.len(),
        _ => return None,
    };
    let names: Vec<_> = parts.by_ref().take(depth).collect();
    let is_data = parts.next()? == DATA;
    is_data.then(|| std::iter::once(kind.as_ref()).chain(names).collect())
}

/// The first name of a path; none where the path does not begin with a name.
pub(super) fn top(path: &Path) -> Option<&str> {
    match path.components().next()? {
        Component::Normal(name) => name.to_str(),
        _ => None,
    }
}
