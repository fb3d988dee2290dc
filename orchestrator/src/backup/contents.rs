//! What an archive holds, record by record: the one way in which archives are read.

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

/// What an archive says of itself is not longer than this.
const JSON_BYTES_MAX: u64 = 1 << 20;
/// Set-user-id, set-group-id and sticky: no copy of data has them.
const NEVER_RESTORED: u32 = 0o7000;

/// Where the records of an archive go.
pub(super) trait Destination {
    /// Called once, before any of them.
    ///
    /// # Errors
    /// Where they cannot go anywhere.
    fn begin(&mut self, manifest: &Manifest) -> anyhow::Result<()>;

    /// Where everything but data is unpacked.
    fn staging(&self) -> &Path;

    /// The folder into which what begins with `top` is unpacked; where there is none it is only read.
    fn folder(&self, top: &str) -> Option<PathBuf>;

    /// Whether files get the owners that they had. A check unpacks where that may not be possible, such
    /// as on another machine's disk.
    fn keeps_owners(&self) -> bool;
}

/// What an archive held.
#[derive(Debug)]
pub(super) struct Contents {
    /// What it says of itself.
    pub(super) manifest: Manifest,
    /// What was left out when it was made.
    pub(super) left_out: Vec<String>,
    /// What it holds and nobody needs.
    pub(super) needless: Vec<String>,
    /// How many snapshots and databases.
    pub(super) places: usize,
}

/// Reads an archive to its end. What it holds is whole then, as far as the archive can say, and has
/// no settings that git would obey.
///
/// # Errors
/// Where it is no archive, is damaged, or holds what none has.
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
    let no_archive = "this is no backup of dayfly";
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
        let mut entry = entry.context("the archive is cut off or damaged")?;
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
    let end = end.context("the archive is cut off: its end is missing")?;
    sums.expect_all()
        .context("the archive is cut off or damaged")?;
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
        "the archive holds {}, which leads elsewhere",
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
        "it does not begin with {MANIFEST}"
    );
    let manifest: Manifest = json(&mut first)?;
    ensure!(
        (FORMAT_MIN..=FORMAT).contains(&manifest.format),
        "it was made by dayfly {} in another way (its format is {}, this one knows {FORMAT_MIN} to {FORMAT})",
        manifest.version,
        manifest.format
    );
    Ok(manifest)
}
