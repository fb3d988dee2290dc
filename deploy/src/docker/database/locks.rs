//! Locks on data.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use crate::names::{PreviewId, SnapshotId};

/// Locks by key; unused locks are dropped.
#[derive(Debug)]
pub(super) struct Locks<K, L>(Mutex<HashMap<K, Arc<L>>>);

impl<K, L> Default for Locks<K, L> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, L: Default> Locks<K, L> {
    /// The one lock of a key.
    pub(super) fn of(&self, key: &K) -> Arc<L> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(locks.entry(key.clone()).or_default())
    }
}

/// The locks of one host.
#[derive(Debug, Default)]
pub(crate) struct DataLocks {
    /// One seed run for a snapshot at a time.
    pub(super) seed_runs: Locks<SnapshotId, tokio::sync::Mutex<()>>,
    /// Only one copy of a preview's data at a time, and none while one of its servers is started,
    /// stopped or removed: such an action would resume containers that the copy has paused.
    pub(super) data: Locks<PreviewId, tokio::sync::RwLock<()>>,
}
