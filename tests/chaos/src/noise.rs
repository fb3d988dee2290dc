//! Webhooks about nothing much: edits that change no code, some of them delivered twice.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use webhook::{model::Policy, names::PullRequestNumber};

use super::dice::Dice;
use harness::Dayfly;

/// Ten a second.
const PAUSE: Duration = Duration::from_millis(100);
const DOUBLED_ONE_IN: u64 = 10;

/// Sends them about the first pull requests until it is told to stop.
pub(super) async fn make_noise(
    dayfly: &Dayfly,
    pulls: u64,
    mut dice: Dice,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut tick = interval(PAUSE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !stop.is_cancelled() {
        tick.tick().await;
        if dice.one_in(DOUBLED_ONE_IN) {
            dayfly.forge.deliver_next(Policy::Double, 1);
        }
        let number = PullRequestNumber(1 + dice.below(pulls));
        // Its base stays what it is. One that is not open yet is no pull request yet.
        let _ = dayfly.forge.retarget(&dayfly.repo, number, "main");
    }
    Ok(())
}
