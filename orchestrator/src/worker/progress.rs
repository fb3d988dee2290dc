//! The last progress message of each long step.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use deploy::names::PreviewId;

/// One message for each preview with such a step.
#[derive(Debug, Default)]
pub struct Progress {
    sentences: Mutex<BTreeMap<PreviewId, String>>,
}

impl Progress {
    /// The last message; none once the step has ended.
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
