//! Lifetimes in hours.

use super::refused::Refused;

const HOUR_MS: u64 = 3_600_000;

/// Fails unless the lifetime is from 1 to `most` hours.
pub(super) fn check(hours: u64, most: u64) -> Result<(), Refused> {
    match (1..=most).contains(&hours) {
        true => Ok(()),
        false => Err(Refused::invalid(format!(
            "`hours` must be from 1 to {most}"
        ))),
    }
}

/// The end of a lifetime that begins now.
pub(super) fn end_ms(now_ms: u64, hours: u64) -> u64 {
    now_ms.saturating_add(hours.saturating_mul(HOUR_MS))
}
