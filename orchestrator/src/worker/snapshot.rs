//! What each preview looks like now, for whoever asks.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use deploy::names::PreviewId;
use tokio::sync::watch;

use crate::{
    lifecycle::{Observed, Summary},
    store::PreviewRow,
};

/// One preview at one look.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What is stored of it.
    pub row: PreviewRow,
    /// What was seen of it.
    pub observed: Observed,
    /// Where it stands.
    pub summary: Summary,
}

/// The last snapshot of every preview that has a worker.
#[derive(Debug)]
pub struct Board {
    snapshots: RwLock<BTreeMap<PreviewId, Arc<Snapshot>>>,
    changes: watch::Sender<u64>,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            snapshots: RwLock::default(),
            changes: watch::Sender::new(0),
        }
    }
}

impl Board {
    /// The last snapshot of a preview.
    pub fn get(&self, preview: &PreviewId) -> Option<Arc<Snapshot>> {
        let snapshots = self
            .snapshots
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        snapshots.get(preview).cloned()
    }

    /// All last snapshots.
    pub fn all(&self) -> Vec<Arc<Snapshot>> {
        let snapshots = self
            .snapshots
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        snapshots.values().cloned().collect()
    }

    /// Tells of changes; the number itself means nothing.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) fn put(&self, snapshot: Arc<Snapshot>) {
        let mut snapshots = self
            .snapshots
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        snapshots.insert(snapshot.row.id.clone(), snapshot);
        drop(snapshots);
        self.changes.send_modify(|count| *count += 1);
    }
}
