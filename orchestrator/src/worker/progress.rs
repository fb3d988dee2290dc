//! What a step that takes long last said of itself, for whoever waits for it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use deploy::names::PreviewId;

/// One sentence for each preview that has such a step.
#[derive(Debug, Default)]
pub struct Progress {
    sentences: Mutex<BTreeMap<PreviewId, String>>,
}

impl Progress {
    /// The last sentence, while the step goes on.
    pub fn get(&self, preview: &PreviewId) -> Option<String> {
        self.lock().get(preview).cloned()
    }

    pub(super) fn put(&self, preview: &PreviewId, sentence: String) {
        self.lock().insert(preview.clone(), sentence);
    }

    pub(super) fn clear(&self, preview: &PreviewId) {
        self.lock().remove(preview);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PreviewId, String>> {
        self.sentences
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
