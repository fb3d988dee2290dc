//! When a preview expires.

use crate::{config::Settings, store::PreviewRow};

const DAY_MS: u64 = 24 * 3600 * 1000;

/// The end of its lifetime, if it has one, else the time when it was without a push and a visit for
/// too long.
pub fn at_ms(settings: &Settings, row: &PreviewRow) -> u64 {
    let last = row.pushed_at_ms.max(row.visited_at_ms.unwrap_or(0));
    let days_ms = settings.limits.preview_days_max.saturating_mul(DAY_MS);
    row.expires_at_ms
        .unwrap_or_else(|| last.saturating_add(days_ms))
}
