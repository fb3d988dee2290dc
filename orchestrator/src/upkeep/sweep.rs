//! The sweep: polls the forge and keeps house, each at its interval.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{housekeeping::keep_house, poll::ask_forge};
use crate::worker::Workers;

/// How often the engine and the store are looked at, whatever the forge's interval is.
const HOUSE_PAUSE: Duration = Duration::from_secs(60);

/// Sweeps until we stop. `poll_seconds` is how often the forge is asked; none never asks.
pub async fn run(workers: Workers, poll_seconds: Option<u64>, stop: CancellationToken) {
    let pause = poll_seconds.map(Duration::from_secs);
    let mut forge_at = pause.map(|_| Instant::now());
    loop {
        if let (Some(at), Some(pause)) = (forge_at, pause)
            && Instant::now() >= at
        {
            ask_forge(&workers).await;
            forge_at = Some(Instant::now() + pause);
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
