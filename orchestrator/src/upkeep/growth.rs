//! Records in a preview's history which of its databases were stopped because their data is too
//! large.

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
    let told = |over_quota: OverQuota| {
        let store = ports.store.clone();
        tokio::spawn(async move { note(&store, over_quota).await });
    };
    docker.watch_growth(stop, told).await;
}

async fn note(store: &Store, over_quota: OverQuota) {
    let event = EventRow {
        revision: None,
        at_ms: wall_ms(),
        step: format!("stop {}", over_quota.database),
        took_ms: 0,
        note: Some(over_quota.why),
    };
    if let Err(error) = store.add_event(&over_quota.preview, None, event).await {
        tracing::warn!(%error, "cannot store an event of the history; it is lost");
    }
}
