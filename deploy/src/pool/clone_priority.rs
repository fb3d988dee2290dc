//! Gives clones priority over deletions. Deleting trees and freeing blocks update the same
//! reference counts as a clone, which then takes twice as long. A caller waits for the clone, but
//! only waits for a deletion if space is short.

use std::{sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, timeout, timeout_at},
};

/// How long no clone may have run before a deletion begins; a follow-up clone begins within this
/// time.
const CALM: Duration = Duration::from_secs(3);

/// Maximum wait for such a pause: deleted data should not occupy space forever.
const WAIT_MAX: Duration = Duration::from_secs(600);

/// The running clones, and the callers that do not wait for them.
#[derive(Clone, Copy, Debug, Default)]
struct Present {
    clones: usize,
    hurried: usize,
}

impl Present {
    fn is_calm(self) -> bool {
        self.clones == 0 || self.hurried > 0
    }
}

/// Tracks whether a caller waits for a clone.
#[derive(Debug, Default)]
pub(super) struct ClonePriority {
    present: watch::Sender<Present>,
}

/// One running clone, or one caller in a hurry; ends when dropped.
#[derive(Debug)]
pub(crate) struct Presence {
    priority: Arc<ClonePriority>,
    is_clone: bool,
}

impl ClonePriority {
    /// Counts one more clone until the returned value is dropped.
    pub(super) fn disturb(self: &Arc<Self>) -> Presence {
        self.present.send_modify(|present| present.clones += 1);
        Presence {
            priority: Arc::clone(self),
            is_clone: true,
        }
    }

    /// Lets deletions ignore clones until the returned value is dropped.
    pub(super) fn hurry(self: &Arc<Self>) -> Presence {
        self.present.send_modify(|present| present.hurried += 1);
        Presence {
            priority: Arc::clone(self),
            is_clone: false,
        }
    }

    /// The deadline of a wait that begins now.
    pub(super) fn deadline() -> Instant {
        Instant::now() + WAIT_MAX
    }

    /// Returns when no clone has run for a while, or at the deadline.
    pub(super) async fn until_calm(&self, deadline: Instant) {
        let calm = async {
            let mut present = self.present.subscribe();
            loop {
                // `self` owns the sender, so it outlives this wait.
                drop(present.wait_for(|present| present.is_calm()).await);
                let disturbed = present.wait_for(|present| !present.is_calm());
                if timeout(CALM, disturbed).await.is_err() {
                    return;
                }
            }
        };
        let _waited_enough = timeout_at(deadline, calm).await;
    }

    /// Returns when no clone is running, or at the deadline.
    pub(super) async fn idle(&self, deadline: Instant) {
        let mut present = self.present.subscribe();
        let idle = async { drop(present.wait_for(|present| present.clones == 0).await) };
        let _waited_enough = timeout_at(deadline, idle).await;
    }

    /// Blocks the current thread until no clone has run for a while, or until the deadline.
    pub(super) fn block_until_calm(&self, deadline: Instant) {
        if self.present.borrow().is_calm() {
            return;
        }
        let mut present = self.present.subscribe();
        let calm = async { drop(present.wait_for(|present| present.is_calm()).await) };
        let _waited_enough = Handle::current().block_on(timeout_at(deadline, calm));
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.priority.present.send_modify(|present| {
            if self.is_clone {
                present.clones -= 1;
            } else {
                present.hurried -= 1;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calm_comes_a_while_after_the_last_clone() {
        let priority = Arc::new(ClonePriority::default());
        let began = Instant::now();
        priority.until_calm(ClonePriority::deadline()).await;
        assert_eq!(began.elapsed(), CALM);
        let (first, second) = (priority.disturb(), priority.disturb());
        let ends = async {
            tokio::time::sleep(CALM).await;
            drop(first);
            tokio::time::sleep(CALM).await;
            drop(second);
        };
        let began = Instant::now();
        tokio::join!(priority.until_calm(ClonePriority::deadline()), ends);
        assert_eq!(began.elapsed(), 3 * CALM);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_calm_for_ever_or_while_somebody_is_in_a_hurry() {
        let priority = Arc::new(ClonePriority::default());
        let clone = priority.disturb();
        let began = Instant::now();
        priority.until_calm(ClonePriority::deadline()).await;
        assert_eq!(began.elapsed(), WAIT_MAX);
        let hurry = priority.hurry();
        let began = Instant::now();
        priority.until_calm(ClonePriority::deadline()).await;
        assert_eq!(began.elapsed(), CALM);
        drop((hurry, clone));
    }

    #[tokio::test]
    async fn a_thread_goes_on_once_the_clone_is_done() {
        let priority = Arc::new(ClonePriority::default());
        let clone = priority.disturb();
        let waits = Arc::clone(&priority);
        let waiting =
            tokio::task::spawn_blocking(move || waits.block_until_calm(ClonePriority::deadline()));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(clone);
        waiting.await.unwrap();
    }
}
