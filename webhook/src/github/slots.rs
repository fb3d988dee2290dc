//! What is known about a thing, with a lock of its own: two that need the same thing at once ask
//! the forge once, and two that keep the same thing make it once.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex as StdMutex, PoisonError},
};

use tokio::sync::Mutex;

/// Forgetting costs a look-up, so the memory need not be large.
const SLOTS_MAX: usize = 4096;

/// A slot of its own per key.
pub(super) struct Slots<K, V>(StdMutex<HashMap<K, Arc<Mutex<Option<V>>>>>);

impl<K, V> Default for Slots<K, V> {
    fn default() -> Self {
        Self(StdMutex::default())
    }
}

impl<K: Eq + Hash, V> Slots<K, V> {
    /// The slot of this key, empty at first. Beyond the limit, the slots that nobody holds are
    /// forgotten.
    pub(super) fn slot(&self, key: K) -> Arc<Mutex<Option<V>>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= SLOTS_MAX && !slots.contains_key(&key) {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(key).or_default())
    }

    /// Forgets the slots whose key fits.
    pub(super) fn forget(&self, fits: impl Fn(&K) -> bool) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|key, _| !fits(key));
    }
}
