//! What dies and happens while a backup is taken, and when.

use std::{path::Path, process::Stdio, time::Duration};

use super::dice::Dice;
use harness::{self, Dayfly};

/// When things happen, in milliseconds from the beginning of a round.
const DEED_MS: u64 = 600;
/// One round in so many kills the server.
const SERVER_KILLS: u64 = 3;
/// What happens in a round, each at its moment.
pub(super) struct Plan {
    pub(super) backup_at: Duration,
    pub(super) up: Option<(Duration, Duration)>,
    pub(super) push_at: Option<Duration>,
    pub(super) open_at: Option<Duration>,
    pub(super) fork_at: Option<Duration>,
    pub(super) kill_at: Option<Duration>,
}

impl Plan {
    /// Drawn from a seed.
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let backup_at = dice.pause(0..DEED_MS);
        let lives = dice.pause(20..DEED_MS);
        let mut at = |one_in: u64| {
            let moment = dice.pause(0..DEED_MS);
            dice.one_in(one_in).then_some(moment)
        };
        Self {
            backup_at,
            up: at(2).map(|moment| (moment, lives)),
            push_at: at(2),
            open_at: at(3),
            fork_at: at(3),
            kill_at: at(SERVER_KILLS),
        }
    }
}

/// Kills what is to be killed. No upload begins while the server is away: it would start one of its own.
pub(super) async fn die(dayfly: &Dayfly, plan: &Plan, home: &Path) -> anyhow::Result<()> {
    let began = tokio::time::Instant::now();
    if let Some((at, lives)) = plan.up {
        tokio::time::sleep_until(began + at).await;
        kill_an_up(dayfly, &home.join("tool"), lives).await?;
    }
    if let Some(at) = plan.kill_at {
        tokio::time::sleep_until(began + at).await;
        dayfly.kill9().await?;
        dayfly.restart().await?;
    }
    Ok(())
}

async fn kill_an_up(dayfly: &Dayfly, checkout: &Path, lives: Duration) -> anyhow::Result<()> {
    let mut up = harness::dayfly()?
        .arg("up")
        .env("DAYFLY_DATA", dayfly.data())
        .current_dir(checkout)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    tokio::time::sleep(lives).await;
    Ok(up.kill().await?)
}
