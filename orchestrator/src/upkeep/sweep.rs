//! The sweep: polls the forge and runs the upkeep, each at its interval.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{housekeeping::keep_house, poll::ask_forge};
use crate::worker::Workers;

/// How often the upkeep runs, independent of the forge's interval.
const HOUSE_PAUSE: Duration = Duration::from_secs(60);

/// The first pause before a forge that did not answer is polled again; it doubles each time.
const FORGE_PAUSE_FIRST: Duration = Duration::from_secs(2);

/// Sweeps until the server stops. `poll_seconds` is the interval of polling; none never polls.
pub async fn run(workers: Workers, poll_seconds: Option<u64>, stop: CancellationToken) {
    let pause = poll_seconds.map(Duration::from_secs);
    let mut forge_at = pause.map(|_| Instant::now());
    let mut soon = FORGE_PAUSE_FIRST;
    loop {
        if let (Some(at), Some(pause)) = (forge_at, pause)
            && Instant::now() >= at
        {
            let answered = ask_forge(&workers).await;
            forge_at = Some(Instant::now() + until_next(answered, &mut soon, pause));
        }
        keep_house(&workers).await;
        let house_at = Instant::now() + HOUSE_PAUSE;
        let next = forge_at.map_or(house_at, |at| at.min(house_at));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep_until(next) => {}
        }
    }
}

/// The pause before the next poll; `soon` is the pause where the forge did not answer.
fn until_next(answered: bool, soon: &mut Duration, pause: Duration) -> Duration {
    if answered {
        *soon = FORGE_PAUSE_FIRST;
        return pause;
    }
    let now = (*soon).min(pause);
    *soon = soon.saturating_mul(2);
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forge_that_does_not_answer_is_asked_again_soon_and_never_more_often_than_it_may() {
        let pause = Duration::from_secs(10);
        let mut soon = FORGE_PAUSE_FIRST;
        let answers = [false, false, false, false, true, false];
        let waits = answers.map(|answered| until_next(answered, &mut soon, pause).as_secs());
        assert_eq!(waits, [2, 4, 8, 10, 10, 2]);
    }
}
