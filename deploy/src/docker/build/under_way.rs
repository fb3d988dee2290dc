//! Builds that the engine may still be at work on, also those that nobody waits for any more.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::watch;

use crate::names::PreviewId;

/// Builds of this process by preview.
#[derive(Clone, Debug, Default)]
pub(crate) struct BuildsUnderWay {
    counts: Arc<watch::Sender<BTreeMap<PreviewId, usize>>>,
}

impl BuildsUnderWay {
    /// Counts one build until the answer is dropped.
    pub(crate) fn begin(&self, preview: &PreviewId) -> UnderWay {
        self.counts
            .send_modify(|counts| *counts.entry(preview.clone()).or_default() += 1);
        UnderWay {
            builds: self.clone(),
            preview: preview.clone(),
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
    preview: PreviewId,
}

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
