//! The wait after a step that failed.

/// The first wait; doubled each time.
const RETRY_FIRST_MS: u64 = 250;
/// The longest wait.
const RETRY_LONGEST_MS: u64 = 60_000;

/// A step that failed and may succeed on a retry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The number of failures in a row.
    pub count: u32,
    /// The time of the retry, in milliseconds on the clock that `decide` is given.
    pub retry_at_ms: u64,
    /// The error, for people.
    pub reason: String,
}

impl Backoff {
    /// The backoff after one more failure. `retry_after_ms` is the delay that the other side asked
    /// for, if any.
    pub fn after(
        before: Option<&Self>,
        now_ms: u64,
        reason: String,
        retry_after_ms: Option<u64>,
    ) -> Self {
        let count = before.map_or(0, |backoff| backoff.count) + 1;
        let wait_ms = RETRY_FIRST_MS.saturating_mul(1 << count.min(16)) / 2;
        let wait_ms = retry_after_ms.unwrap_or(wait_ms.min(RETRY_LONGEST_MS));
        Self {
            count,
            retry_at_ms: now_ms + wait_ms,
            reason,
        }
    }
}
