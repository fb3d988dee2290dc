//! The limits of a server, their defaults, and how the configuration sets them.

use std::num::NonZeroU32;

use super::file::{ConfigError, Keys, wrong};

/// Limits that an operator may change; each has its unit in its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many previews may run at once.
    pub previews_awake_max: usize,
    /// How many builds run at once.
    pub builds_max: usize,
    /// How many days after the last push or visit a preview is removed.
    pub preview_days_max: u64,
    /// How much memory a service may request, in MiB.
    pub service_memory_mib_max: u64,
    /// How long a build may take from its turn on, in seconds.
    pub build_seconds_max: u64,
    /// MiB of memory that all builds together may use; none is no limit.
    pub build_memory_mib_max: Option<u64>,
    /// Percent of one processor that all builds together may use, where their memory is limited.
    pub build_cpu_percent_max: u64,
    /// MiB of free memory that a build needs to begin.
    pub build_memory_free_mib_min: u64,
    /// The disk usage of the engine, in percent, above which no build begins.
    pub build_disk_percent_max: u64,
    /// The disk usage of the engine, in percent, above which unused images and the cache of
    /// Dayfly's builds are removed.
    pub evict_disk_percent_max: u64,
    /// MiB that Dayfly's builds may take in the builder's cache.
    pub build_cache_mib_max: u64,
    /// MiB that a built image may take.
    pub image_mib_max: u64,
    /// MiB that the Git LFS files of a commit and its submodules may take together.
    pub lfs_mib_max: u64,
    /// MiB of cached Git LFS objects of all repositories; objects in use are always kept.
    pub lfs_cache_mib_max: u64,
    /// How long to wait for an image that CI builds for a commit, in seconds.
    pub image_wait_seconds_max: u64,
    /// MiB that the pool's file may grow to, where the pool is a file.
    pub pool_mib_max: u64,
    /// MiB that the data of one database may take.
    pub database_mib_max: u64,
    /// MiB of the pool that are kept free.
    pub pool_free_mib_min: u64,
    /// How long a seed may take, in seconds.
    pub seed_seconds_max: u64,
    /// After how many hours without use an unnamed snapshot is removed.
    pub snapshot_hours_max: u64,
    /// For how many hours a push can be undone.
    pub undo_hours_max: u64,
    /// After how many hours a fork expires by default.
    pub fork_hours_max: u64,
    /// After how many days a capture expires by default.
    pub capture_days_max: u64,
    /// How many forks, captures and standalone databases there may be.
    pub forks_max: usize,
    /// How long a migration may take, in seconds.
    pub migrate_seconds_max: u64,
    /// How long a revision may take to become healthy, in seconds.
    pub start_seconds_max: u64,
    /// How long to wait for requests in flight when a revision is replaced, in seconds.
    pub drain_seconds_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            previews_awake_max: 30,
            builds_max: (cores / 2).max(1),
            preview_days_max: 14,
            service_memory_mib_max: 4 * 1024,
            build_seconds_max: 20 * 60,
            build_memory_mib_max: None,
            build_cpu_percent_max: 100 * (cores as u64),
            build_memory_free_mib_min: 256,
            build_disk_percent_max: 80,
            evict_disk_percent_max: 90,
            build_cache_mib_max: 10 * 1024,
            image_mib_max: 8 * 1024,
            lfs_mib_max: 2 * 1024,
            lfs_cache_mib_max: 10 * 1024,
            image_wait_seconds_max: 20 * 60,
            pool_mib_max: 100 * 1024,
            database_mib_max: 32 * 1024,
            pool_free_mib_min: 1024,
            seed_seconds_max: 10 * 60,
            snapshot_hours_max: 7 * 24,
            undo_hours_max: 24,
            fork_hours_max: 24,
            capture_days_max: 14,
            forks_max: 20,
            migrate_seconds_max: 10 * 60,
            start_seconds_max: 2 * 60,
            drain_seconds_max: 30,
        }
    }
}

pub(super) fn limits(keys: &Keys) -> Result<Limits, ConfigError> {
    let default = Limits::default();
    // A number of this size overflows in no smaller unit that a limit is counted in.
    let given = |key: &'static str| -> Result<Option<u64>, ConfigError> {
        let value: Option<NonZeroU32> = keys.parse(key, "a whole number from 1 to 4294967295")?;
        Ok(value.map(|value| value.get().into()))
    };
    let number = |key, default: u64| given(key).map(|value| value.unwrap_or(default));
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
        build_memory_mib_max: given("limits.build_memory_mib_max")?,
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
        lfs_mib_max: number("limits.lfs_mib_max", default.lfs_mib_max)?,
        lfs_cache_mib_max: number("limits.lfs_cache_mib_max", default.lfs_cache_mib_max)?,
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
