//! The two clocks: wall time for timestamps and expiry, and a steady clock for deadlines.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Milliseconds since 1970.
pub fn wall_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}

/// Milliseconds since a worker started; never decreases.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steady(Instant);

impl Steady {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now_ms(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn instant(self, at_ms: u64) -> Instant {
        self.0 + std::time::Duration::from_millis(at_ms)
    }
}
