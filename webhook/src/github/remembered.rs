//! Answers cached for revalidation: every request still goes to the forge, and an unchanged answer
//! is cheap.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;

/// Maximum entries. An entry holds only the decoded fields, so it is at most about 50 KiB.
const ANSWERS_MAX: usize = 1024;

/// The answer that belongs to an ETag.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) etag: String,
    /// The decoded fields, as JSON.
    pub(super) body: Bytes,
    /// The path of the next page.
    pub(super) next: Option<String>,
}

/// Entries by path and query.
#[derive(Default)]
pub(super) struct Remembered(Mutex<HashMap<String, Entry>>);

impl Remembered {
    pub(super) fn get(&self, path: &str) -> Option<Entry> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(path).cloned()
    }

    /// At the limit it forgets all entries; each costs one full answer to learn again.
    pub(super) fn put(&self, path: &str, entry: Entry) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= ANSWERS_MAX && !entries.contains_key(path) {
            entries.clear();
        }
        entries.insert(path.to_owned(), entry);
    }
}
