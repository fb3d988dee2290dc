//! What the seed runs last said, for whoever waits for one.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use deploy::names::PreviewId;

/// One sentence for each preview whose data are being made.
#[derive(Debug, Default)]
pub struct SeedProgress {
    sentences: Mutex<BTreeMap<PreviewId, String>>,
}

impl SeedProgress {
    /// The last sentence, while the seed run goes on.
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
