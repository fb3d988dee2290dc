//! A cache with one lock per key. Two concurrent reads of the same object send one request, and two
//! concurrent writes create one object.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex as StdMutex, PoisonError},
};

use tokio::sync::Mutex;

/// Maximum slots. Forgetting one costs a request, so the cache can be small.
const SLOTS_MAX: usize = 4096;

/// One slot per key.
pub(super) struct Slots<K, V>(StdMutex<HashMap<K, Arc<Mutex<Option<V>>>>>);

impl<K, V> Default for Slots<K, V> {
    fn default() -> Self {
        Self(StdMutex::default())
    }
}

impl<K: Eq + Hash, V> Slots<K, V> {
    /// The slot of this key, empty at first. At the limit, slots that are not in use are forgotten.
    pub(super) fn slot(&self, key: K) -> Arc<Mutex<Option<V>>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= SLOTS_MAX && !slots.contains_key(&key) {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(key).or_default())
    }

    /// Forgets the slots whose key matches.
    pub(super) fn forget(&self, fits: impl Fn(&K) -> bool) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|key, _| !fits(key));
    }
}
