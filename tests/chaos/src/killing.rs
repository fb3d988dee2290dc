//! Kills the control plane, starts it again at once, and does it once more.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::Context as _;

use super::{dice::Dice, options::Options};
use harness::Dayfly;

/// How long a server usually lives, in milliseconds.
const LIFE_MS: std::ops::Range<u64> = 50..1_500;
/// One in so many lives long enough for a database to come up, in milliseconds.
const LONG_LIFE_MS: std::ops::Range<u64> = 1_500..6_000;
const LONG_ONE_IN: u64 = 5;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Killed {
    /// How often it was killed.
    pub(super) kills: AtomicU64,
    /// The longest that it was away, in milliseconds.
    pub(super) away_ms_max: AtomicU64,
    away_ms: AtomicU64,
}

impl Killed {
    pub(super) fn kills(&self) -> u64 {
        self.kills.load(Ordering::Relaxed)
    }

    /// How long it was away on average.
    pub(super) fn away_mean(&self) -> Duration {
        let kills = self.kills().max(1);
        Duration::from_millis(self.away_ms.load(Ordering::Relaxed) / kills)
    }

    /// How long it was away at most.
    pub(super) fn away_max(&self) -> Duration {
        Duration::from_millis(self.away_ms_max.load(Ordering::Relaxed))
    }

    fn note(&self, away: Duration) {
        let ms = u64::try_from(away.as_millis()).unwrap_or(u64::MAX);
        self.kills.fetch_add(1, Ordering::Relaxed);
        self.away_ms.fetch_add(ms, Ordering::Relaxed);
        self.away_ms_max.fetch_max(ms, Ordering::Relaxed);
    }
}

/// Kills it as often as it should be, or until the time is up.
pub(super) async fn kill_often(
    dayfly: &Dayfly,
    options: &Options,
    mut dice: Dice,
    killed: &Killed,
) -> anyhow::Result<()> {
    let end = options.time_max.map(|time| Instant::now() + time);
    while killed.kills() < options.kills && end.is_none_or(|end| Instant::now() < end) {
        let life = if dice.one_in(LONG_ONE_IN) {
            LONG_LIFE_MS
        } else {
            LIFE_MS
        };
        tokio::time::sleep(dice.pause(life)).await;
        let dead = Instant::now();
        dayfly.kill9().await?;
        let kills = killed.kills() + 1;
        dayfly
            .restart()
            .await
            .with_context(|| format!("after {kills} kills"))?;
        killed.note(dead.elapsed());
    }
    Ok(())
}
