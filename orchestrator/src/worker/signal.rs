//! A wake-up signal without content.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Raised any number of times, seen once.
#[derive(Debug, Default)]
pub(super) struct Signal {
    raised: AtomicBool,
    notify: Notify,
}

impl Signal {
    pub(super) fn raise(&self) {
        self.raised.store(true, Ordering::SeqCst);
        self.notify.notify_one();
    }

    /// Whether it was raised since the last wait ended.
    pub(super) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }

    /// Returns once it was raised, and lowers it.
    pub(super) async fn wait(&self) {
        while !self.raised.swap(false, Ordering::SeqCst) {
            self.notify.notified().await;
        }
    }
}
