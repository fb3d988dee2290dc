//! Snapshots go when nobody has a use for them any more.

use std::collections::BTreeSet;

use deploy::{databases::DatabaseError, names::SnapshotId};

use crate::{clock::wall_ms, store::StoreError, worker::Ports};

/// How long a snapshot is kept that nobody named and nobody copied, once the pool is full.
const KEPT_WHEN_FULL_MS: u64 = 10 * 60_000;

/// Why snapshots were not looked after.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pool failed.
    #[error(transparent)]
    Databases(#[from] DatabaseError),
}

/// Takes names that expired from their snapshots, and then away every snapshot that has no name and
/// was not copied for long. What was copied from it stays.
pub async fn collect(ports: &Ports) -> Result<(), CollectError> {
    let now_ms = wall_ms();
    let mut named: BTreeSet<SnapshotId> = BTreeSet::new();
    for row in ports.store.named_snapshots().await? {
        if row.expires_at_ms.is_some_and(|at| at <= now_ms) {
            ports.store.forget_snapshot(&row.name).await?;
            ports.databases.forget(&row.id).await?;
            tracing::info!(snapshot = row.name, "a snapshot expired");
        } else {
            named.insert(row.id);
        }
    }
    let limits = &ports.settings.limits;
    let pool = ports.databases.pool().await?;
    // Who needs room needs it more than somebody who may come back.
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
                "seeded data were not used for long; they are gone"
            );
        }
    }
    Ok(())
}
