//! Listens to the engine's events, and wakes the previews that they name.

use std::time::Duration;

use deploy::names::PreviewId;
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use crate::worker::Workers;

/// Pause before the next connection after the stream of events ended.
const HINTS_PAUSE: Duration = Duration::from_secs(1);

/// Wakes the previews that events name, until the server stops.
pub async fn listen(workers: Workers, stop: CancellationToken) {
    loop {
        let hear = async {
            let Ok(mut hints) = workers.ports().engine.hints().await else {
                return;
            };
            // Events may have been missed before, so every worker reconciles.
            workers.wake_all();
            while let Some(hint) = hints.next().await {
                match hint {
                    Some(preview) => wake_known(&workers, &preview).await,
                    None => workers.wake_all(),
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = hear => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(HINTS_PAUSE) => {}
        }
    }
}

async fn wake_known(workers: &Workers, preview: &PreviewId) {
    if let Ok(Some(_)) = workers.ports().store.preview(preview).await {
        workers.wake(preview);
    }
}
