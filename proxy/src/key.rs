//! Counters, connection pool and cut signal of one key. A key outlives the tables that contain it:
//! requests that began under an old table still count here while it drains.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{pool::Pool, table::KeyActivity};

/// The state of one key.
#[derive(Debug)]
pub(crate) struct Key {
    in_flight: AtomicU64,
    streams: AtomicU64,
    /// Milliseconds since 1970; zero means never.
    last_request: AtomicU64,
    quiet: Notify,
    cut: Mutex<CancellationToken>,
    /// Connections to the upstreams of this key; no other key ever uses them.
    pub(crate) pool: Pool,
}

impl Key {
    pub(crate) fn new(idle_max: usize) -> Arc<Self> {
        Arc::new(Self {
            in_flight: AtomicU64::new(0),
            streams: AtomicU64::new(0),
            last_request: AtomicU64::new(0),
            quiet: Notify::new(),
            cut: Mutex::default(),
            pool: Pool::new(idle_max),
        })
    }

    /// Counts a request until the guard is dropped.
    pub(crate) fn count_request(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        InFlight(Arc::clone(self))
    }

    /// Counts an upgraded connection until the guard is dropped.
    pub(crate) fn count_stream(self: &Arc<Self>) -> OpenStream {
        self.streams.fetch_add(1, Ordering::SeqCst);
        OpenStream(Arc::clone(self))
    }

    /// Records the time of a request.
    pub(crate) fn touch(&self) {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        self.last_request.store(now, Ordering::Relaxed);
    }

    pub(crate) fn activity(&self) -> KeyActivity {
        let last = self.last_request.load(Ordering::Relaxed);
        KeyActivity {
            in_flight: self.in_flight.load(Ordering::SeqCst),
            streams: self.streams.load(Ordering::SeqCst),
            last_request_unix_ms: (last != 0).then_some(last),
        }
    }

    /// Number of open requests and streams.
    pub(crate) fn open(&self) -> u64 {
        self.in_flight.load(Ordering::SeqCst) + self.streams.load(Ordering::SeqCst)
    }

    /// Waits until nothing is open; after the deadline cuts the rest and returns its number.
    pub(crate) async fn drain(&self, deadline: Instant) -> u64 {
        loop {
            let mut quiet = std::pin::pin!(self.quiet.notified());
            // Subscribe before checking, so that the last end cannot fall between the two.
            quiet.as_mut().enable();
            if self.open() == 0 {
                return 0;
            }
            if timeout_at(deadline, quiet).await.is_err() {
                break;
            }
        }
        let left = self.open();
        std::mem::take(&mut *self.lock_cut()).cancel();
        left
    }

    /// Cancelled when everything open is cut.
    pub(crate) fn cut_token(&self) -> CancellationToken {
        self.lock_cut().clone()
    }

    fn lock_cut(&self) -> MutexGuard<'_, CancellationToken> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self) {
        if self.open() == 0 {
            self.quiet.notify_waiters();
        }
    }
}

/// A request that is being served.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Key>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
        self.0.ended();
    }
}

/// An upgraded connection that is open.
#[derive(Debug)]
pub(crate) struct OpenStream(Arc<Key>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::SeqCst);
        self.0.ended();
    }
}
