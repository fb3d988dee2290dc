//! One worker per preview. A wake-up starts it, and it ends when nothing of the preview is left.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use deploy::names::PreviewId;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{ports::Ports, run, signal::Signal};

/// Starts and wakes workers. Cheap to clone.
#[derive(Clone)]
pub struct Workers {
    inner: Arc<Inner>,
}

struct Inner {
    ports: Arc<Ports>,
    signals: Mutex<BTreeMap<PreviewId, Arc<Signal>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Workers {
    /// No workers yet.
    pub fn new(ports: Arc<Ports>) -> Self {
        let inner = Inner {
            ports,
            signals: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The parts that all workers share.
    pub fn ports(&self) -> &Arc<Ports> {
        &self.inner.ports
    }

    /// Wakes the preview's worker; starts one where none runs.
    pub fn wake(&self, preview: &PreviewId) {
        let mut signals = self
            .inner
            .signals
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(signal) = signals.get(preview) {
            signal.raise();
            return;
        }
        if self.inner.stop.is_cancelled() {
            return;
        }
        let signal = Arc::new(Signal::default());
        signal.raise();
        signals.insert(preview.clone(), Arc::clone(&signal));
        let workers = self.clone();
        let preview = preview.clone();
        let stop = self.inner.stop.child_token();
        self.inner
            .tasks
            .spawn(run::run(workers, preview, signal, stop));
    }

    /// Wakes every worker.
    pub fn wake_all(&self) {
        let signals = self
            .inner
            .signals
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for signal in signals.values() {
            signal.raise();
        }
    }

    /// Lets a worker end, unless it was woken meanwhile.
    pub(super) fn retire(&self, preview: &PreviewId, signal: &Signal) -> bool {
        let mut signals = self
            .inner
            .signals
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if signal.is_raised() {
            return false;
        }
        signals.remove(preview);
        true
    }

    /// Stops all workers: cancels the steps that may be cancelled, and waits for the others.
    pub async fn stop(&self) {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }
}
