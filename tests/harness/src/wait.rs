//! Waiting for a value, never for time.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

/// How long anything may take on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(90);
/// How often it is checked whether the value is there.
const POLL_EVERY: Duration = Duration::from_millis(25);

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
    let end = Instant::now() + deadline;
    let mut tick = interval(POLL_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        match check().await {
            Ok(value) => return Ok(value),
            Err(why) if Instant::now() >= end => {
                return Err(why.context(format!("not within {deadline:?}: {what}")));
            }
            Err(_) => {}
        }
    }
}
