//! Records when bytes last moved, for timeouts that only run while nothing moves.

use std::{
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// When bytes last moved over one connection, in either direction.
#[derive(Debug)]
pub(crate) struct Motion {
    start: Instant,
    last_ms: AtomicU64,
}

impl Default for Motion {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            last_ms: AtomicU64::new(0),
        }
    }
}

impl Motion {
    /// Records that bytes have just moved.
    pub(crate) fn moved(&self) {
        let since = self.start.elapsed().as_millis();
        self.last_ms
            .store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Returns once nothing has moved for `limit`.
    pub(crate) async fn still_for(&self, limit: Duration) {
        loop {
            let due = self.last() + limit;
            if due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    }

    fn last(&self) -> Instant {
        self.start + Duration::from_millis(self.last_ms.load(Ordering::Relaxed))
    }
}

/// A stall timeout at one point of a connection. It costs nothing until a read or write must wait.
#[derive(Default)]
pub(crate) struct Standstill {
    since: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Standstill {
    /// Bytes have arrived; restarts the timeout at the next wait.
    pub(crate) fn clear(&mut self) {
        self.since = None;
    }

    /// Ready once this wait has taken `limit` and nothing else on the connection has moved for as
    /// long.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        motion: &Motion,
        limit: Duration,
    ) -> Poll<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        loop {
            let due = since.max(motion.last()) + limit;
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if sleep.deadline() != due {
                sleep.as_mut().reset(due);
            }
            ready!(sleep.as_mut().poll(cx));
            if since.max(motion.last()) + limit <= due {
                return Poll::Ready(());
            }
        }
    }
}
