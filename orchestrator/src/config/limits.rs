//! The limits of a server.

use super::file::{ConfigError, Keys, wrong};
use crate::worker::Limits;

pub(super) fn limits(keys: &Keys) -> Result<Limits, ConfigError> {
    let default = Limits::default();
    let number = |key: &'static str, default: u64| -> Result<u64, ConfigError> {
        let value: u64 = keys.parse(key, "a whole number")?.unwrap_or(default);
        match (value, keys.get(key)) {
            (0, Some(given)) => Err(wrong(given, format!("{key} has to be at least 1"))),
            (value, _) => Ok(value),
        }
    };
    let percent = |key, default: u64| match number(key, default)? {
        percent @ 1..=100 => Ok(percent),
        _ => match keys.get(key) {
            Some(given) => Err(wrong(given, format!("{key} has to be from 1 to 100"))),
            None => Ok(default),
        },
    };
    let count = |key, default: usize| -> Result<usize, ConfigError> {
        Ok(usize::try_from(number(key, default as u64)?).unwrap_or(usize::MAX))
    };
    Ok(Limits {
        previews_awake_max: count("limits.previews_awake_max", default.previews_awake_max)?,
        builds_max: count("limits.builds_max", default.builds_max)?,
        preview_days_max: number("limits.preview_days_max", default.preview_days_max)?,
        service_memory_mib_max: number(
            "limits.service_memory_mib_max",
            default.service_memory_mib_max,
        )?,
        build_seconds_max: number("limits.build_seconds_max", default.build_seconds_max)?,
        build_memory_mib_max: keys.parse("limits.build_memory_mib_max", "a whole number")?,
        build_cpu_percent_max: number(
            "limits.build_cpu_percent_max",
            default.build_cpu_percent_max,
        )?,
        build_memory_free_mib_min: number(
            "limits.build_memory_free_mib_min",
            default.build_memory_free_mib_min,
        )?,
        build_disk_percent_max: percent(
            "limits.build_disk_percent_max",
            default.build_disk_percent_max,
        )?,
        evict_disk_percent_max: percent(
            "limits.evict_disk_percent_max",
            default.evict_disk_percent_max,
        )?,
        build_cache_mib_max: number("limits.build_cache_mib_max", default.build_cache_mib_max)?,
        image_mib_max: number("limits.image_mib_max", default.image_mib_max)?,
        image_wait_seconds_max: number(
            "limits.image_wait_seconds_max",
            default.image_wait_seconds_max,
        )?,
        pool_mib_max: number("limits.pool_mib_max", default.pool_mib_max)?,
        database_mib_max: number("limits.database_mib_max", default.database_mib_max)?,
        pool_free_mib_min: number("limits.pool_free_mib_min", default.pool_free_mib_min)?,
        seed_seconds_max: number("limits.seed_seconds_max", default.seed_seconds_max)?,
        snapshot_hours_max: number("limits.snapshot_hours_max", default.snapshot_hours_max)?,
        undo_hours_max: number("limits.undo_hours_max", default.undo_hours_max)?,
        fork_hours_max: number("limits.fork_hours_max", default.fork_hours_max)?,
        capture_days_max: number("limits.capture_days_max", default.capture_days_max)?,
        forks_max: count("limits.forks_max", default.forks_max)?,
        migrate_seconds_max: number("limits.migrate_seconds_max", default.migrate_seconds_max)?,
        start_seconds_max: number("limits.start_seconds_max", default.start_seconds_max)?,
        drain_seconds_max: default.drain_seconds_max,
    })
}
