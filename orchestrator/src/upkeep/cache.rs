//! Keeps the builder's cache of Dayfly's builds within its budget, and notes whether the engine's
//! disk is too full to keep unused images and caches.
//!
//! Only cache records of Dayfly's own builds are removed. Records of other users of the builder
//! count for the disk usage only.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use deploy::builder::{BuildError, CacheRecord};

use crate::{store::StoreError, worker::Ports};

/// Why the cache could not be pruned.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The builder did not answer.
    #[error(transparent)]
    Builder(#[from] BuildError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Removes records over the budget, least recently used first, and forgets records that the builder
/// removed itself.
///
/// # Errors
/// Where the builder or the store fails; the next call retries.
pub async fn keep_budget(ports: &Ports) -> Result<(), CacheError> {
    let percent = ports.builder.disk_percent().await.unwrap_or(0);
    let full = percent > ports.settings.limits.evict_disk_percent_max;
    if full != ports.disk_is_full.swap(full, Ordering::Relaxed) {
        tracing::warn!(
            percent,
            full,
            "engine disk usage crossed `limits.evict_disk_percent_max`"
        );
    }
    let ours = ports.store.cache_records().await?;
    if ours.is_empty() {
        return Ok(());
    }
    let records = ports.builder.cache().await?;
    // When the disk is too full for builds to begin, the whole cache goes first.
    let tight = percent > ports.settings.limits.build_disk_percent_max;
    let mib = match tight {
        true => 0,
        false => ports.settings.limits.build_cache_mib_max,
    };
    let budget = mib.saturating_mul(1024 * 1024);
    let surplus = surplus(&records, &ours, budget);
    if !surplus.is_empty() {
        tracing::info!(
            records = surplus.len(),
            "the builder's cache is over its budget; removing its least recently used records"
        );
        ports.builder.forget_cache(&surplus).await?;
    }
    let there: BTreeSet<&String> = records.iter().map(|record| &record.id).collect();
    // The builder may have kept records it was asked to remove; the next listing shows them.
    let gone = ours
        .iter()
        .filter(|id| !there.contains(id))
        .cloned()
        .collect();
    Ok(ports.store.forget_cache(gone).await?)
}

/// The records to remove.
fn surplus(records: &[CacheRecord], ours: &BTreeSet<String>, budget_bytes: u64) -> Vec<String> {
    let mut ours: Vec<&CacheRecord> = records
        .iter()
        .filter(|record| ours.contains(&record.id) && !record.shared)
        .collect();
    let mut bytes: u64 = ours.iter().map(|record| record.bytes).sum();
    ours.sort_unstable_by_key(|record| (record.used_at_ms, &record.id));
    let mut surplus = Vec::new();
    for record in ours.into_iter().filter(|record| !record.in_use) {
        if bytes <= budget_bytes {
            break;
        }
        bytes = bytes.saturating_sub(record.bytes);
        surplus.push(record.id.clone());
    }
    surplus
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, bytes: u64, used_at_ms: u64, in_use: bool) -> CacheRecord {
        CacheRecord {
            id: id.to_owned(),
            bytes,
            used_at_ms,
            in_use,
            shared: false,
        }
    }

    #[test]
    fn the_longest_unused_of_ours_go_first_and_others_stay() {
        let records = [
            record("foreign", 1_000, 0, false),
            record("busy", 40, 1, true),
            record("old", 30, 2, false),
            record("newer", 20, 3, false),
            record("newest", 10, 4, false),
        ];
        let ours: BTreeSet<String> = ["busy", "old", "newer", "newest", "dropped"]
            .map(str::to_owned)
            .into();
        let mut shared = records.to_vec();
        shared[2].shared = true;
        assert_eq!(surplus(&shared, &ours, 70), Vec::<String>::new());
        assert_eq!(surplus(&records, &ours, 100), Vec::<String>::new());
        assert_eq!(surplus(&records, &ours, 99), ["old"]);
        assert_eq!(surplus(&records, &ours, 60), ["old", "newer"]);
        assert_eq!(surplus(&records, &ours, 0), ["old", "newer", "newest"]);
        assert_eq!(surplus(&records, &BTreeSet::new(), 0), Vec::<String>::new());
    }
}
