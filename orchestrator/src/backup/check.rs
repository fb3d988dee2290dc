//! Whether an archive can be restored, found out without a restore.

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
use crate::store::StoreFacts;

/// What an archive holds that can be restored.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Bytes of the archive.
    pub bytes: u64,
    /// Previews that are not gone.
    pub previews: u64,
    /// Mirrors, which are whole.
    pub mirrors: usize,
    /// Snapshots and databases.
    pub places: usize,
    /// What was left out when it was made.
    pub left_out: Vec<String>,
    /// What it holds and no restore would write.
    pub needless: Vec<String>,
}

impl Checked {
    /// Whether checksums were held against all of it: earlier archives have none.
    pub fn has_checksums(&self) -> bool {
        self.manifest.format >= super::FORMAT_WITH_CHECKSUMS
    }
}

/// Reads an archive as a restore does, to its end, holds its checksums against it, and looks into the store
/// and every mirror. Only below a folder of its own in `scratch` anything is written, which is gone
/// afterwards; it needs room for store and mirrors.
///
/// # Errors
/// Where a restore would refuse it, or something in it is damaged or missing.
pub async fn check(
    archive: &Path,
    scratch: &Path,
    progress: Arc<Progress>,
) -> anyhow::Result<Checked> {
    let making = || format!("cannot make a folder in {}", scratch.display());
    let scratch = Arc::new(Scratch::begin(scratch).with_context(making)?);
    let bytes = std::fs::metadata(archive).map_or(0, |found| found.len());
    let (archive, at, reading) = (
        archive.to_owned(),
        Arc::clone(&scratch),
        Arc::clone(&progress),
    );
    let (contents, facts) = tokio::task::spawn_blocking(move || {
        let mut bench = Bench(at.path().to_owned());
        let contents = read(&archive, &reading, &mut bench)?;
        let facts = StoreFacts::of(&at.path().join(STORE))?;
        let made_by = &contents.manifest.instance;
        ensure!(
            facts.instance == *made_by,
            "the archive says that it is of {made_by}, and its store is of {}",
            facts.instance
        );
        anyhow::Ok((contents, facts))
    })
    .await??;
    Ok(Checked {
        manifest: contents.manifest,
        bytes,
        previews: facts.previews,
        mirrors: check_mirrors(scratch.path(), &progress).await?,
        places: contents.places,
        left_out: contents.left_out,
        needless: contents.needless,
    })
}

/// Looks at each mirror, and answers how many there are.
async fn check_mirrors(scratch: &Path, progress: &Progress) -> anyhow::Result<usize> {
    let home = scratch.join("home");
    std::fs::create_dir(&home)?;
    let entries = match std::fs::read_dir(scratch.join(MIRRORS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        other => other?,
    };
    let mut checked = 0;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|kind| kind != "git") {
            continue;
        }
        ensure!(!progress.stop.load(Relaxed), "it was stopped");
        let name = path.strip_prefix(scratch).unwrap_or(&path).display();
        check_mirror(&path, &home)
            .await
            .with_context(|| format!("{name} is not whole"))?;
        checked += 1;
    }
    Ok(checked)
}

/// Takes what is looked at; the rest is only read.
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
