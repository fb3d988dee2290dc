//! Reads an archive record by record, both for a check and for a restore.

use std::{
    collections::BTreeSet,
    io::{self, Read},
    os::unix::fs::lchown,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use deploy::names::Instance;
use nix::unistd::{getegid, geteuid};
use serde::de::DeserializeOwned;

use super::{
    CHECKSUMS, END, End, FOLDERS, FORMAT, FORMAT_MIN, FORMAT_WITH_CHECKSUMS, MANIFEST, MIRRORS,
    Manifest, POOL, STORE, Told,
    accepted::{Verdict, accept, accept_mirrors, place, shown, top},
    paths::Paths,
    reading::{Counted, Head, Progress, in_words, open},
    records::{Held, Sums},
    store_facts::store_facts,
};
use crate::{store::StoreFacts, text::plain};

const NO_ARCHIVE: &str = "the file is not a Dayfly backup";
const DAMAGED: &str = "the file is truncated or damaged";

/// The longest JSON record: the manifest, or the names of data that the backup left out.
const JSON_BYTES_MAX: u64 = 16 << 20;
/// Set-user-id, set-group-id and sticky: no copy of data has them.
const NEVER_RESTORED: u32 = 0o7000;

/// The destination of an archive's records.
pub(super) trait Destination {
    /// Called once, before the first record.
    ///
    /// # Errors
    /// Where the destination cannot take records.
    fn begin(&mut self, manifest: &Manifest) -> anyhow::Result<()>;

    /// The folder into which everything but data is unpacked.
    fn staging(&self) -> &Path;

    /// The folder for records below `top`; none where these are only read.
    fn folder(&self, top: &str) -> Option<PathBuf>;

    /// Whether unpacked data get their recorded owners. A check may run where that is impossible,
    /// such as on another machine's disk.
    fn keeps_owners(&self) -> bool;
}

/// The content of an archive.
#[derive(Debug)]
pub(super) struct Contents {
    /// The manifest.
    pub(super) manifest: Manifest,
    /// Data that the backup left out, with reasons.
    pub(super) left_out: Vec<String>,
    /// Files in it that no restore writes.
    pub(super) needless: Vec<String>,
    /// The number of snapshots and databases.
    pub(super) places: usize,
    /// A summary of the store.
    pub(super) store: StoreFacts,
}

/// Reads an archive to its end. On success the content is complete, as far as the archive can tell,
/// and has no settings that git would obey.
///
/// # Errors
/// Where the file is no archive, is damaged, or holds entries or a store that no backup has.
pub(super) fn read(
    archive: &Path,
    progress: &Progress,
    into: &mut impl Destination,
) -> anyhow::Result<Contents> {
    let file = open(archive)?;
    let (head, sums) = (Head::default(), Sums::new());
    let file = Held::new(Counted::new(file, progress, &head), &sums);
    let keeps_owners = into.keeps_owners() && geteuid().is_root();
    let archive = unpacking(file, keeps_owners);
    read_records(archive, &head, &sums, (into, keeps_owners))
}

/// The manifest of an archive, without a check of anything else in it.
///
/// # Errors
/// Where the file cannot be read, or does not begin with a manifest.
pub fn manifest_of(archive: &Path) -> anyhow::Result<Manifest> {
    let (progress, head) = (Progress::default(), Head::default());
    let mut archive = tar::Archive::new(Counted::new(open(archive)?, &progress, &head));
    begin(&head, &mut archive.entries().context(NO_ARCHIVE)?)
}

fn unpacking<R: Read>(archive: R, keeps_owners: bool) -> tar::Archive<R> {
    let mut archive = tar::Archive::new(archive);
    archive.set_preserve_permissions(true);
    archive.set_preserve_mtime(true);
    archive.set_preserve_ownerships(keeps_owners);
    archive.set_overwrite(false);
    archive.set_mask(NEVER_RESTORED);
    archive
}

fn read_records(
    mut archive: tar::Archive<impl Read>,
    head: &Head,
    sums: &Sums,
    (into, keeps_owners): (&mut impl Destination, bool),
) -> anyhow::Result<Contents> {
    let damaged = |error: io::Error| in_words(&error, "cannot read the file", DAMAGED);
    let mut entries = archive.entries().context(NO_ARCHIVE)?;
    let manifest = begin(head, &mut entries)?;
    let has_checksums = manifest.format >= FORMAT_WITH_CHECKSUMS;
    if !has_checksums {
        sums.expect_none();
    }
    into.begin(&manifest)?;
    let mut paths = Paths::default();
    let (mut end, mut needless, mut places) = (None, Told::default(), BTreeSet::new());
    while let Some(entry) = head.next(&mut entries) {
        let mut entry = entry.map_err(damaged)?;
        let path = entry.path().map_err(damaged)?.into_owned();
        if path == Path::new(END) {
            end = Some(json::<End>(&mut entry, DAMAGED)?);
            continue;
        }
        let verdict = accept(&entry, &path)?;
        let top = top(&path);
        let folder = match top {
            Some(CHECKSUMS) if has_checksums => None,
            Some(POOL) if manifest.data => into.folder(POOL),
            Some(name) if name == STORE || FOLDERS.contains(&name) => into.folder(name),
            _ => bail!("the archive holds {}, which no backup has", shown(&path)),
        };
        if verdict == Verdict::Needless {
            needless.add(path.display().to_string());
            head.skip(entry.header().entry_size().map_err(damaged)?);
            continue;
        }
        ensure!(
            paths.add(&path, entry.header().entry_type().is_dir()),
            "the archive holds {} twice, or below something that is no folder",
            shown(&path)
        );
        places.extend(place(&path));
        match folder {
            Some(folder) => unpack(&mut entry, &path, &folder, keeps_owners)?,
            None => head.skip(entry.header().entry_size().map_err(damaged)?),
        }
    }
    accept_mirrors(&into.staging().join(MIRRORS))?;
    let end = end.context("the archive is truncated: its end is missing")?;
    sums.expect_all().map_err(damaged)?;
    let store = into.staging().join(STORE);
    ensure!(store.is_file(), "the archive holds no {STORE}");
    Ok(Contents {
        store: store_facts(&store, &manifest)?,
        manifest,
        left_out: end.left_out,
        needless: needless.into_names(),
        places: places.len(),
    })
}

/// Unpacks a record. Only data keep their owners: everything else belongs to the user that restores
/// it, since a server refuses files of others.
fn unpack(
    entry: &mut tar::Entry<'_, impl Read>,
    path: &Path,
    folder: &Path,
    keeps_owners: bool,
) -> anyhow::Result<()> {
    let doing = format!("cannot unpack {}", shown(path));
    let failed = |error: io::Error| in_words(&error, &doing, DAMAGED);
    let unpacked = entry.unpack_in(folder).map_err(failed)?;
    ensure!(
        unpacked,
        "the archive holds {}, which points outside of it",
        shown(path)
    );
    if keeps_owners && top(path) != Some(POOL) {
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        lchown(folder.join(path), Some(user), Some(group)).map_err(failed)?;
    }
    Ok(())
}

fn json<T: DeserializeOwned>(
    entry: &mut tar::Entry<'_, impl Read>,
    otherwise: &'static str,
) -> anyhow::Result<T> {
    let mut text = Vec::new();
    let read = entry.take(JSON_BYTES_MAX).read_to_end(&mut text);
    read.map_err(|error| in_words(&error, "cannot read the file", otherwise))?;
    // The error of the parser could quote the file.
    serde_json::from_slice(&text).map_err(|_| anyhow::Error::msg(otherwise))
}

/// Reads the first entry of an archive: its manifest.
fn begin<'a, R: Read + 'a>(
    head: &Head,
    entries: &mut tar::Entries<'a, R>,
) -> anyhow::Result<Manifest> {
    let first = head.next(entries).context(NO_ARCHIVE)?;
    let mut first = first.map_err(|error| in_words(&error, "cannot read the file", NO_ARCHIVE))?;
    let is_manifest = first.path().is_ok_and(|path| path == Path::new(MANIFEST));
    ensure!(is_manifest, NO_ARCHIVE);
    let manifest: Manifest = json(&mut first, NO_ARCHIVE)?;
    ensure!(
        (FORMAT_MIN..=FORMAT).contains(&manifest.format),
        "dayfly {} wrote the archive in format {}; this version reads formats {FORMAT_MIN} to \
         {FORMAT}",
        plain(&manifest.version),
        manifest.format
    );
    ensure!(
        Instance::parse(&manifest.instance).is_ok(),
        "the archive names the instance {:?}, which is no instance of Dayfly",
        plain(&manifest.instance)
    );
    Ok(manifest)
}
