//! Moments at which something is due, whatever became of what was due before.

use std::time::{Duration, Instant};

/// A hundred a second.
const PERIOD: Duration = Duration::from_millis(10);

/// A steady rate with a beginning and an end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wave {
    began: Instant,
    /// How many moments there are.
    pub(super) beats: u32,
}

impl Wave {
    /// A wave of this length that begins soon.
    pub(super) fn new(length: Duration) -> Self {
        let beats = length.as_millis() / PERIOD.as_millis();
        Self {
            began: Instant::now() + Duration::from_millis(100),
            beats: u32::try_from(beats).unwrap_or(u32::MAX),
        }
    }

    /// When a beat is due.
    pub(super) fn at(&self, beat: u32) -> Instant {
        self.began + PERIOD * beat
    }

    /// Half-way from a beat to the next.
    pub(super) fn between(&self, beat: u32) -> Instant {
        self.at(beat) + PERIOD / 2
    }

    /// Blocks until a moment, more exactly than the timers of a runtime do.
    pub(super) fn wait_for(&self, due: Instant) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}
