//! Builds that the engine may still be at work on, also those that nobody waits for any more.
//!
//! A build that is cut off, by us or by the death of this process, may still make an image: an engine
//! that was writing it writes on. The builder alone knows when that is over, and is asked by the
//! build's name. So names are kept in a journal, a file each, from before a build begins until the
//! builder told its end, and the next process asks for those that it finds there.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::watch;

use crate::{names::PreviewId, random};

/// Randomness of a build's name.
const NAME_BYTES: usize = 16;

/// Builds by preview, those of the processes before this one included.
#[derive(Clone, Debug, Default)]
pub(crate) struct BuildsUnderWay {
    counts: Arc<watch::Sender<BTreeMap<PreviewId, usize>>>,
    /// The folder of the journal; without one, who comes next knows nothing of what was cut off.
    journal: Option<Arc<Path>>,
}

impl BuildsUnderWay {
    /// None yet. The folder is made when it is needed.
    pub(crate) fn new(journal: Option<PathBuf>) -> Self {
        Self {
            counts: Arc::default(),
            journal: journal.map(Arc::from),
        }
    }

    /// Counts a build until the answer is dropped, under a new name.
    ///
    /// # Errors
    /// Where the journal cannot be written, or the kernel has no random bytes.
    pub(crate) fn begin(&self, preview: &PreviewId) -> io::Result<UnderWay> {
        let name = random::hex::<NAME_BYTES>().map_err(io::Error::other)?;
        if let Some(journal) = &self.journal {
            fs::create_dir_all(journal)?;
            fs::write(journal.join(&name), preview.as_str())?;
        }
        Ok(self.count(name, preview.clone()))
    }

    /// Counts what a process before this one left in the journal.
    ///
    /// # Errors
    /// Where it cannot be read.
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
                // Its process died while it wrote this, so before it asked for the build.
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

    /// Waits until none is left.
    pub(crate) async fn ended(&self, preview: &PreviewId) {
        let mut counts = self.counts.subscribe();
        let none_left = |counts: &BTreeMap<_, _>| !counts.contains_key(preview);
        // The sender is ours, so there is always one to hear from.
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
    /// What the builder knows it by.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Strikes it out of the journal: it can make no image any more.
    pub(crate) fn over(self) {
        if let Some(journal) = &self.builds.journal
            && let Err(error) = fs::remove_file(journal.join(&self.name))
        {
            tracing::warn!(%error, build = self.name, "the journal keeps a build that has ended");
        }
    }
}

/// Nobody waits for it any more. Without its having been said to be over, the next process asks again.
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
