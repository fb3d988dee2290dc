//! The last observed state of each preview, for the API and the pages.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use deploy::names::PreviewId;
use tokio::{sync::watch, time::Instant};

use crate::{
    lifecycle::{Observed, Summary},
    store::PreviewRow,
};

/// One preview as one pass of its worker saw it.
#[derive(Clone, Debug)]
pub struct PreviewState {
    /// Its row in the store.
    pub row: PreviewRow,
    /// The observed state.
    pub observed: Observed,
    /// Its phase, with the details that people see.
    pub summary: Summary,
}

/// A step in progress.
#[derive(Clone, Debug)]
pub struct UnderWay {
    /// Its title, as the preview's history will show it.
    pub title: String,
    /// When it began.
    pub since: Instant,
}

/// The last state of every preview that has a worker.
#[derive(Debug)]
pub struct StateBoard {
    under_way: RwLock<BTreeMap<PreviewId, Vec<UnderWay>>>,
    states: RwLock<BTreeMap<PreviewId, Arc<PreviewState>>>,
    changes: watch::Sender<u64>,
}

impl Default for StateBoard {
    fn default() -> Self {
        Self {
            under_way: RwLock::default(),
            states: RwLock::default(),
            changes: watch::Sender::new(0),
        }
    }
}

impl StateBoard {
    /// The last state of a preview.
    pub fn get(&self, preview: &PreviewId) -> Option<Arc<PreviewState>> {
        let states = self.states.read().unwrap_or_else(PoisonError::into_inner);
        states.get(preview).cloned()
    }

    /// All last states.
    pub fn all(&self) -> Vec<Arc<PreviewState>> {
        let states = self.states.read().unwrap_or_else(PoisonError::into_inner);
        states.values().cloned().collect()
    }

    /// The steps in progress for a preview, in the order in which they began.
    pub fn under_way(&self, preview: &PreviewId) -> Vec<UnderWay> {
        let all = self
            .under_way
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        all.get(preview).cloned().unwrap_or_default()
    }

    pub(super) fn put_under_way(&self, preview: &PreviewId, mut steps: Vec<UnderWay>) {
        steps.sort_by_key(|step| step.since);
        let mut all = self
            .under_way
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        match steps.is_empty() {
            true => all.remove(preview),
            false => all.insert(preview.clone(), steps),
        };
    }

    /// Signals changes; the number itself means nothing.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) fn put(&self, state: Arc<PreviewState>) {
        let mut states = self.states.write().unwrap_or_else(PoisonError::into_inner);
        states.insert(state.row.id.clone(), state);
        drop(states);
        self.changes.send_modify(|count| *count += 1);
    }
}
