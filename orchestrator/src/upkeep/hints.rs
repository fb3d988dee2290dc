//! Listens to what the engine says by itself, and wakes the previews that it names.

use std::time::Duration;

use deploy::names::PreviewId;
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use crate::worker::Workers;

/// How long to wait before listening to the engine again after its stream ended.
const HINTS_PAUSE: Duration = Duration::from_secs(1);

/// Wakes whoever the engine names, until we stop.
pub async fn listen(workers: Workers, stop: CancellationToken) {
    loop {
        let hear = async {
            let Ok(mut hints) = workers.ports().engine.hints().await else {
                return;
            };
            // What happened while nobody listened is seen by looking.
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
