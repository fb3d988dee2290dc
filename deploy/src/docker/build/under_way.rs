//! Builds that may still run in the engine, including cancelled ones.
//!
//! A build may still create an image after Dayfly cancels it or crashes: an engine that is writing
//! an image finishes it. Only the builder knows the end of a build and reports it by the build's
//! name. So a journal holds one file per build, from before its start until the builder reports its
//! end. The next process asks about the builds that it finds there.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::watch;

use crate::{names::PreviewId, random};

/// Random bytes in a build's name.
const NAME_BYTES: usize = 16;

/// Builds by preview, including those of earlier processes.
#[derive(Clone, Debug, Default)]
pub(crate) struct BuildsUnderWay {
    counts: Arc<watch::Sender<BTreeMap<PreviewId, usize>>>,
    /// The folder of the journal; without one, the next process cannot find interrupted builds.
    journal: Option<Arc<Path>>,
}

impl BuildsUnderWay {
    /// No builds yet. The folder is created when needed.
    pub(crate) fn new(journal: Option<PathBuf>) -> Self {
        Self {
            counts: Arc::default(),
            journal: journal.map(Arc::from),
        }
    }

    /// Registers a build under a new name, until the returned value is dropped.
    ///
    /// # Errors
    /// If the journal cannot be written, or the kernel returns no random bytes.
    pub(crate) fn begin(&self, preview: &PreviewId) -> io::Result<UnderWay> {
        let name = random::hex::<NAME_BYTES>().map_err(io::Error::other)?;
        if let Some(journal) = &self.journal {
            fs::create_dir_all(journal)?;
            fs::write(journal.join(&name), preview.as_str())?;
        }
        Ok(self.count(name, preview.clone()))
    }

    /// Registers the builds that an earlier process left in the journal.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn left_behind(&self) -> io::Result<Vec<UnderWay>> {
        let Some(journal) = &self.journal else {
            return Ok(Vec::new());
        };
        let entries = match fs::read_dir(journal) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut left = Vec::new();
        for entry in entries {
            let entry = entry?;
            let preview = fs::read_to_string(entry.path())?;
            match (PreviewId::parse(&preview), entry.file_name().into_string()) {
                (Ok(preview), Ok(name)) => left.push(self.count(name, preview)),
                // Its process died while writing this file, before it requested the build.
                _ => fs::remove_file(entry.path())?,
            }
        }
        Ok(left)
    }

    fn count(&self, name: String, preview: PreviewId) -> UnderWay {
        self.counts
            .send_modify(|counts| *counts.entry(preview.clone()).or_default() += 1);
        UnderWay {
            builds: self.clone(),
            name,
            preview,
        }
    }

    /// Waits until no build of the preview is registered.
    pub(crate) async fn ended(&self, preview: &PreviewId) {
        let mut counts = self.counts.subscribe();
        let none_left = |counts: &BTreeMap<_, _>| !counts.contains_key(preview);
        // The sender lives as long as this value, so waiting cannot fail.
        let _ = counts.wait_for(none_left).await;
    }
}

/// One build of a preview.
#[derive(Debug)]
pub(crate) struct UnderWay {
    builds: BuildsUnderWay,
    name: String,
    preview: PreviewId,
}

impl UnderWay {
    /// Its name in the builder.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Removes it from the journal: it can no longer create an image.
    pub(crate) fn over(self) {
        if let Some(journal) = &self.builds.journal
            && let Err(error) = fs::remove_file(journal.join(&self.name))
        {
            tracing::warn!(%error, build = self.name, "the journal still lists a finished build");
        }
    }
}

/// Unregisters the build. Without [`UnderWay::over`], its file stays and the next process asks
/// again.
impl Drop for UnderWay {
    fn drop(&mut self) {
        self.builds.counts.send_modify(|counts| {
            let Some(count) = counts.get_mut(&self.preview) else {
                return;
            };
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.preview);
            }
        });
    }
}
