//! Answers kept for revalidation: the forge is asked each time, and says cheaply that nothing has
//! changed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;

/// Only the fields that are read are kept, so an entry is at most some 50 KiB.
const ANSWERS_MAX: usize = 1024;

/// What was answered under an ETag.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) etag: String,
    /// The fields that are read, as JSON.
    pub(super) body: Bytes,
    /// The address of the next page.
    pub(super) next: Option<String>,
}

/// By path and query.
#[derive(Default)]
pub(super) struct Remembered(Mutex<HashMap<String, Entry>>);

impl Remembered {
    pub(super) fn get(&self, path: &str) -> Option<Entry> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(path).cloned()
    }

    /// Beyond the limit all are forgotten: each costs one full answer to learn again.
    pub(super) fn put(&self, path: &str, entry: Entry) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= ANSWERS_MAX && !entries.contains_key(path) {
            entries.clear();
        }
        entries.insert(path.to_owned(), entry);
    }
}
