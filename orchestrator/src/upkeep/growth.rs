//! Writes down which databases were stopped for what their data take, for whoever asks what became
//! of them.

use std::sync::Arc;

use deploy::docker::{Docker, OverQuota};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::wall_ms,
    store::{EventRow, Store},
    worker::Ports,
};

/// Watches until `stop`.
pub async fn watch(docker: Docker, ports: Arc<Ports>, stop: CancellationToken) {
    let told = |outgrown: OverQuota| {
        let store = ports.store.clone();
        tokio::spawn(async move { note(&store, outgrown).await });
    };
    docker.watch_growth(stop, told).await;
}

async fn note(store: &Store, outgrown: OverQuota) {
    let event = EventRow {
        revision: None,
        at_ms: wall_ms(),
        step: format!("stop {}", outgrown.database),
        took_ms: 0,
        note: Some(outgrown.why),
    };
    if let Err(error) = store.add_event(&outgrown.preview, None, event).await {
        tracing::warn!(%error, "failed to note an event");
    }
}
