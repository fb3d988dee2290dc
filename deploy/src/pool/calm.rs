//! Clones go first. Deleting trees and giving blocks back is work on the same counts of who shares
//! what, and a clone beside it takes twice as long; somebody waits for the clone, and nobody for
//! the rest.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

/// How long no clone may have been under way: where one is replaced by the next, the next comes
/// within this time.
const CALM: Duration = Duration::from_secs(3);

/// How long calm is waited for: what was thrown away should not take room for ever.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How many clones are under way.
#[derive(Debug, Default)]
pub(super) struct Calm {
    clones: watch::Sender<usize>,
}

/// One clone that is under way.
#[derive(Debug)]
pub(super) struct Disturbance(Arc<Calm>);

impl Calm {
    /// There is one clone more until the answer is dropped.
    pub(super) fn disturb(self: &Arc<Self>) -> Disturbance {
        self.clones.send_modify(|clones| *clones += 1);
        Disturbance(Arc::clone(self))
    }

    /// Returns when it has been calm for a while from now on, or has not been for too long.
    pub(super) async fn come(&self) {
        let calm = async {
            let mut clones = self.clones.subscribe();
            loop {
                // The sender is ours, so that it is there as long as we are.
                drop(clones.wait_for(|clones| *clones == 0).await);
                let disturbed = clones.wait_for(|clones| *clones > 0);
                if tokio::time::timeout(CALM, disturbed).await.is_err() {
                    return;
                }
            }
        };
        let _waited_enough = tokio::time::timeout(WAIT_MAX, calm).await;
    }
}

impl Drop for Disturbance {
    fn drop(&mut self) {
        self.0.clones.send_modify(|clones| *clones -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calm_comes_a_while_after_the_last_clone() {
        let calm = Arc::new(Calm::default());
        let began = Instant::now();
        calm.come().await;
        assert_eq!(began.elapsed(), CALM);
        let (first, second) = (calm.disturb(), calm.disturb());
        let ends = async {
            tokio::time::sleep(CALM).await;
            drop(first);
            tokio::time::sleep(CALM).await;
            drop(second);
        };
        let began = Instant::now();
        tokio::join!(calm.come(), ends);
        assert_eq!(began.elapsed(), 3 * CALM);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_calm_for_ever() {
        let calm = Arc::new(Calm::default());
        let _clone = calm.disturb();
        let began = Instant::now();
        calm.come().await;
        assert_eq!(began.elapsed(), WAIT_MAX);
    }
}
