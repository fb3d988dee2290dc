//! Waiting for a value, never for time.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long anything may take on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(90);
/// The pause between two checks, at first and later: checking takes processor time from what is
/// waited for.
const PAUSE: Duration = Duration::from_millis(25);
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// Polls `check` until it answers, for at most [`DEADLINE`]. What it says until then is why not yet.
///
/// # Errors
/// What it said last, once the deadline has passed.
pub async fn eventually<T>(
    what: &str,
    check: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    eventually_within(DEADLINE, what, check).await
}

/// As [`eventually`], with a deadline of its own.
///
/// # Errors
/// What it said last, once the deadline has passed.
pub async fn eventually_within<T>(
    deadline: Duration,
    what: &str,
    mut check: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let began = Instant::now();
    loop {
        match check().await {
            Ok(value) => return Ok(value),
            Err(why) if began.elapsed() >= deadline => {
                return Err(why.context(format!("not within {deadline:?}: {what}")));
            }
            Err(_) => sleep((began.elapsed() / 8).clamp(PAUSE, PAUSE_MAX)).await,
        }
    }
}
