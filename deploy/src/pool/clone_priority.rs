//! Clones go first. Deleting trees and giving blocks back is work on the same counts of who shares
//! what, and a clone beside it takes twice as long; somebody waits for the clone, and nobody for
//! the rest, unless room is short.

use std::{sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, timeout, timeout_at},
};

/// How long no clone may have been under way: where one is replaced by the next, the next comes
/// within this time.
const CALM: Duration = Duration::from_secs(3);

/// How long calm is waited for: what was thrown away should not take room for ever.
const WAIT_MAX: Duration = Duration::from_secs(600);

/// Who is there: clones that are under way, and those who cannot wait for them.
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

/// Whether somebody waits for a clone.
#[derive(Debug, Default)]
pub(super) struct ClonePriority {
    present: watch::Sender<Present>,
}

/// One clone that is under way, or one who cannot wait.
#[derive(Debug)]
pub(crate) struct Presence {
    priority: Arc<ClonePriority>,
    is_clone: bool,
}

impl ClonePriority {
    /// There is one clone more until the answer is dropped.
    pub(super) fn disturb(self: &Arc<Self>) -> Presence {
        self.present.send_modify(|present| present.clones += 1);
        Presence {
            priority: Arc::clone(self),
            is_clone: true,
        }
    }

    /// Nobody waits for clones until the answer is dropped.
    pub(super) fn hurry(self: &Arc<Self>) -> Presence {
        self.present.send_modify(|present| present.hurried += 1);
        Presence {
            priority: Arc::clone(self),
            is_clone: false,
        }
    }

    /// Until when calm is waited for from now on.
    pub(super) fn deadline() -> Instant {
        Instant::now() + WAIT_MAX
    }

    /// Returns when it has been calm for a while, at the deadline at the latest.
    pub(super) async fn until_calm(&self, deadline: Instant) {
        let calm = async {
            let mut present = self.present.subscribe();
            loop {
                // The sender is ours, so that it is there as long as we are.
                drop(present.wait_for(|present| present.is_calm()).await);
                let disturbed = present.wait_for(|present| !present.is_calm());
                if timeout(CALM, disturbed).await.is_err() {
                    return;
                }
            }
        };
        let _waited_enough = timeout_at(deadline, calm).await;
    }

    /// Returns when no clone is under way, at the deadline at the latest.
    pub(super) async fn idle(&self, deadline: Instant) {
        let mut present = self.present.subscribe();
        let idle = async { drop(present.wait_for(|present| present.clones == 0).await) };
        let _waited_enough = timeout_at(deadline, idle).await;
    }

    /// Blocks a thread of the runtime while it is not calm, until the deadline at the latest.
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
