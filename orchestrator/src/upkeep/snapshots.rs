//! Removes snapshots that have expired or are not used.

use std::collections::BTreeSet;

use deploy::{databases::DatabaseError, names::SnapshotId};

use crate::{clock::wall_ms, store::StoreError, worker::Ports};

/// How long an unnamed snapshot is kept after its last copy, once the pool is full.
const KEPT_WHEN_FULL_MS: u64 = 10 * 60_000;

/// Why unused snapshots could not be removed.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pool failed.
    #[error(transparent)]
    Databases(#[from] DatabaseError),
}

/// Removes the named snapshots that have expired, then the unnamed ones that were not copied
/// recently. Copies of a removed snapshot stay.
pub async fn collect(ports: &Ports) -> Result<(), CollectError> {
    let now_ms = wall_ms();
    let mut named: BTreeSet<SnapshotId> = BTreeSet::new();
    for row in ports.store.named_snapshots().await? {
        if row.expires_at_ms.is_some_and(|at| at <= now_ms) {
            ports.store.forget_snapshot(&row.name).await?;
            ports.databases.forget(&row.id).await?;
            tracing::info!(
                snapshot = row.name,
                "a named snapshot expired and was removed"
            );
        } else {
            named.insert(row.id);
        }
    }
    let limits = &ports.settings.limits;
    let pool = ports.databases.pool().await?;
    // When the pool is full, evict sooner: space now beats a possible reuse.
    let kept_ms = match pool.free_bytes < limits.pool_free_mib_min.saturating_mul(1 << 20) {
        true => KEPT_WHEN_FULL_MS,
        false => limits.snapshot_hours_max.saturating_mul(3_600_000),
    };
    for snapshot in ports.databases.snapshots().await? {
        let used_at = snapshot.used_at_ms.max(snapshot.made_at_ms);
        if !named.contains(&snapshot.id) && now_ms > used_at.saturating_add(kept_ms) {
            ports.databases.forget(&snapshot.id).await?;
            tracing::info!(
                source = snapshot.source,
                "removed a seed snapshot that was not used recently"
            );
        }
    }
    Ok(())
}
