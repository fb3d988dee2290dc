//! Checks whether an archive can be restored, without a restore.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering::Relaxed},
};

use anyhow::{Context as _, ensure};
use deploy::source::check_mirror;

use super::{
    MIRRORS, Manifest, STORE,
    contents::{Destination, read},
    reading::Progress,
    scratch::Scratch,
};

/// The content of an archive that can be restored.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The manifest.
    pub manifest: Manifest,
    /// The size of the archive in bytes.
    pub bytes: u64,
    /// The number of previews that are not gone.
    pub previews: u64,
    /// The number of mirrors, all of them complete.
    pub mirrors: usize,
    /// The number of snapshots and databases.
    pub places: usize,
    /// Data that the backup left out, with reasons.
    pub left_out: Vec<String>,
    /// Files in it that no restore writes.
    pub needless: Vec<String>,
}

impl Checked {
    /// Whether every record was verified by a checksum. Archives of format 1 have none.
    pub fn has_checksums(&self) -> bool {
        self.manifest.format >= super::FORMAT_WITH_CHECKSUMS
    }
}

/// Reads an archive to its end as a restore does, verifies its checksums, and checks the store and
/// every mirror. The check writes only to a temporary folder in `scratch`, which needs room for the
/// store and the mirrors.
///
/// # Errors
/// Where a restore would refuse it, or something in it is damaged or missing.
pub async fn check(
    archive: &Path,
    scratch: &Path,
    progress: Arc<Progress>,
) -> anyhow::Result<Checked> {
    let making = || format!("cannot create a folder in {}", scratch.display());
    let scratch = Arc::new(Scratch::begin(scratch).with_context(making)?);
    let bytes = std::fs::metadata(archive).map_or(0, |found| found.len());
    let (archive, at, reading) = (
        archive.to_owned(),
        Arc::clone(&scratch),
        Arc::clone(&progress),
    );
    let contents = tokio::task::spawn_blocking(move || {
        let mut bench = Bench(at.path().to_owned());
        read(&archive, &reading, &mut bench)
    })
    .await??;
    Ok(Checked {
        manifest: contents.manifest,
        bytes,
        previews: contents.store.previews,
        mirrors: check_mirrors(scratch.path(), &progress).await?,
        places: contents.places,
        left_out: contents.left_out,
        needless: contents.needless,
    })
}

/// Checks each mirror, and returns the number of mirrors.
pub(super) async fn check_mirrors(scratch: &Path, progress: &Progress) -> anyhow::Result<usize> {
    let entries = match std::fs::read_dir(scratch.join(MIRRORS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        other => other?,
    };
    let home = scratch.join("home");
    std::fs::create_dir(&home)?;
    let mut checked = 0;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|kind| kind != "git") {
            continue;
        }
        ensure!(!progress.stop.load(Relaxed), "the check was stopped");
        let name = path.strip_prefix(scratch).unwrap_or(&path).display();
        check_mirror(&path, &home)
            .await
            .with_context(|| format!("{name} is incomplete"))?;
        checked += 1;
    }
    std::fs::remove_dir_all(&home)?;
    Ok(checked)
}

/// Unpacks the store and the mirrors; everything else is only read.
struct Bench(PathBuf);

impl Destination for Bench {
    fn begin(&mut self, _: &Manifest) -> anyhow::Result<()> {
        Ok(())
    }

    fn staging(&self) -> &Path {
        &self.0
    }

    fn folder(&self, top: &str) -> Option<PathBuf> {
        [STORE, MIRRORS].contains(&top).then(|| self.0.clone())
    }

    fn keeps_owners(&self) -> bool {
        false
    }
}
