//! Reads an archive record by record, both for a check and for a restore.

use std::{
    collections::BTreeSet,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use serde::de::DeserializeOwned;

use super::{
    CHECKSUMS, END, End, FOLDERS, FORMAT, FORMAT_MIN, FORMAT_WITH_CHECKSUMS, MANIFEST, MIRRORS,
    Manifest, POOL, STORE, Told,
    accepted::{Verdict, accept, accept_mirrors, place, top},
    reading::{Counted, Head, Progress},
    records::{Held, Sums},
};

/// The longest JSON record, such as the manifest.
const JSON_BYTES_MAX: u64 = 1 << 20;
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

    /// Whether unpacked files get their recorded owners. A check may run where that is impossible,
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
}

/// Reads an archive to its end. On success the content is complete, as far as the archive can tell,
/// and has no settings that git would obey.
///
/// # Errors
/// Where the file is no archive, is damaged, or holds entries that no backup has.
pub(super) fn read(
    archive: &Path,
    progress: &Progress,
    into: &mut impl Destination,
) -> anyhow::Result<Contents> {
    let file = File::open(archive).with_context(|| format!("cannot open {}", archive.display()))?;
    let (head, sums) = (Head::default(), Sums::new());
    let file = Held::new(Counted::new(file, progress, &head), &sums);
    let contents = read_records(unpacking(file, into.keeps_owners()), &head, &sums, into)?;
    let store = into.staging().join(STORE);
    ensure!(store.is_file(), "the archive holds no {STORE}");
    Ok(contents)
}

fn unpacking<R: Read>(archive: R, keeps_owners: bool) -> tar::Archive<R> {
    let mut archive = tar::Archive::new(archive);
    archive.set_preserve_permissions(true);
    archive.set_preserve_mtime(true);
    archive.set_preserve_ownerships(keeps_owners && nix::unistd::geteuid().is_root());
    archive.set_overwrite(false);
    archive.set_mask(NEVER_RESTORED);
    archive
}

fn read_records(
    mut archive: tar::Archive<impl Read>,
    head: &Head,
    sums: &Sums,
    into: &mut impl Destination,
) -> anyhow::Result<Contents> {
    let no_archive = "the file is not a Dayfly backup";
    let mut entries = archive.entries().context(no_archive)?;
    let first = head
        .next(&mut entries)
        .context(no_archive)?
        .context(no_archive)?;
    let manifest = manifest(first).context(no_archive)?;
    let has_checksums = manifest.format >= FORMAT_WITH_CHECKSUMS;
    if !has_checksums {
        sums.expect_none();
    }
    into.begin(&manifest)?;
    let (mut end, mut needless, mut places) = (None, Told::default(), BTreeSet::new());
    while let Some(entry) = head.next(&mut entries) {
        let mut entry = entry.context("the archive is truncated or damaged")?;
        let path = entry.path()?.into_owned();
        if path == Path::new(END) {
            end = Some(json::<End>(&mut entry)?);
            continue;
        }
        let verdict = accept(&entry, &path)?;
        let folder = match top(&path) {
            Some(CHECKSUMS) if has_checksums => None,
            Some(POOL) if manifest.data => into.folder(POOL),
            Some(name) if name == STORE || FOLDERS.contains(&name) => into.folder(name),
            _ => bail!("the archive holds {}, which no backup has", path.display()),
        };
        places.extend(place(&path));
        if verdict == Verdict::Needless {
            needless.add(path.display().to_string());
        }
        match folder.filter(|_| verdict == Verdict::Wanted) {
            Some(folder) => unpack(&mut entry, &path, &folder)?,
            None => head.skip(entry.header().entry_size()?),
        }
    }
    accept_mirrors(&into.staging().join(MIRRORS))?;
    let end = end.context("the archive is truncated: its end is missing")?;
    sums.expect_all()
        .context("the archive is truncated or damaged")?;
    Ok(Contents {
        manifest,
        left_out: end.left_out,
        needless: needless.into_names(),
        places: places.len(),
    })
}

fn unpack(entry: &mut tar::Entry<'_, impl Read>, path: &Path, folder: &Path) -> anyhow::Result<()> {
    let unpacked = entry
        .unpack_in(folder)
        .with_context(|| format!("cannot unpack {}", path.display()))?;
    ensure!(
        unpacked,
        "the archive holds {}, which points outside of it",
        path.display()
    );
    Ok(())
}

fn json<T: DeserializeOwned>(entry: &mut tar::Entry<'_, impl Read>) -> anyhow::Result<T> {
    let mut text = Vec::new();
    entry.take(JSON_BYTES_MAX).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

fn manifest(mut first: tar::Entry<'_, impl Read>) -> anyhow::Result<Manifest> {
    ensure!(
        first.path()? == Path::new(MANIFEST),
        "the archive does not begin with {MANIFEST}"
    );
    let manifest: Manifest = json(&mut first)?;
    ensure!(
        (FORMAT_MIN..=FORMAT).contains(&manifest.format),
        "dayfly {} wrote the archive in format {}; this version reads formats {FORMAT_MIN} to \
         {FORMAT}",
        manifest.version,
        manifest.format
    );
    Ok(manifest)
}
