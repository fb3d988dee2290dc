//! The keys of the configuration, and the environment variables that override them.

/// Every key there is, as `section.key`, with its meaning.
pub const KEYS: [(&str, &str); 52] = [
    (
        "domain",
        "domain under which previews live; `localhost` for this machine only",
    ),
    (
        "control_host",
        "host of the webhook (default: dayfly.<domain>)",
    ),
    (
        "public_scheme",
        "`http` or `https`, as visitors see it (default: http)",
    ),
    (
        "public_port",
        "port as visitors see it (default: the port of `listen`)",
    ),
    (
        "listen",
        "address and port to listen on (default: 127.0.0.1:8080)",
    ),
    ("data", "directory for everything that has to survive"),
    (
        "github.api_url",
        "the URL of GitHub's API (default: the public one)",
    ),
    ("github.token", "a token, instead of an App"),
    ("github.token_file", "a file that holds the token"),
    (
        "github.repositories",
        "the only repositories that get previews, by polling or webhooks, as owner/name",
    ),
    ("github.app_id", "the App's id"),
    (
        "github.private_key_file",
        "a file with the App's private key",
    ),
    (
        "github.webhook_secret",
        "the webhook's secret; a list of two while it is rotated",
    ),
    (
        "github.webhook_secret_file",
        "a file that holds the webhook's secret",
    ),
    (
        "github.poll_seconds",
        "seconds between polls (default: 300); 0 never polls",
    ),
    ("github.allow_insecure_clone", "fetch code over plain HTTP"),
    (
        "github.submodules",
        "submodules that are fetched with the same credentials, as owner/name:owner/name, the \
         repository first",
    ),
    (
        "engine.socket",
        "the engine's socket (default: /var/run/docker.sock)",
    ),
    (
        "engine.subnet_pool",
        "address range for the networks of previews (default: 10.213.0.0/16)",
    ),
    (
        "engine.exclusive",
        "only Dayfly uses the engine: by default builds are isolated and limited",
    ),
    (
        "engine.isolate_builds",
        "isolate builds from the host and private addresses; applies to every container on the \
         engine's own bridge",
    ),
    (
        "engine.registry_auth_file",
        "logins to registries, in the format of Docker's config.json",
    ),
    (
        "secrets_file",
        "secrets for builds: a TOML file with a table for each repository",
    ),
    ("backup.every", "how often a backup is made, such as 24h"),
    ("backup.keep", "how many backups are kept (default: 7)"),
    ("backup.directory", "the folder for backups"),
    ("limits.previews_awake_max", "previews that may run at once"),
    ("limits.builds_max", "builds at once"),
    (
        "limits.preview_days_max",
        "days after the last push or visit until a preview is removed",
    ),
    (
        "limits.service_memory_mib_max",
        "MiB of memory that a service may request",
    ),
    ("limits.build_seconds_max", "seconds that a build may take"),
    (
        "limits.build_memory_mib_max",
        "MiB of memory for all builds of the engine together (default: no limit)",
    ),
    (
        "limits.build_cpu_percent_max",
        "percent of one processor for all builds, where `build_memory_mib_max` is set",
    ),
    (
        "limits.build_memory_free_mib_min",
        "MiB of free memory that a build needs to begin",
    ),
    (
        "limits.build_disk_percent_max",
        "disk usage of the engine in percent above which no build begins",
    ),
    (
        "limits.evict_disk_percent_max",
        "disk usage of the engine in percent above which unused images and caches are removed",
    ),
    (
        "limits.build_cache_mib_max",
        "MiB that Dayfly's builds may take in the builder's cache",
    ),
    ("limits.image_mib_max", "MiB that a built image may take"),
    (
        "limits.lfs_mib_max",
        "MiB that the Git LFS files of a commit and its submodules may take together",
    ),
    (
        "limits.lfs_cache_mib_max",
        "MiB of cached Git LFS objects of all repositories; objects in use are always kept",
    ),
    (
        "limits.image_wait_seconds_max",
        "seconds to wait for an image that CI builds for a commit",
    ),
    (
        "limits.pool_mib_max",
        "MiB that the file for databases may grow to, where the data directory cannot share blocks",
    ),
    (
        "limits.database_mib_max",
        "MiB that the data of one database may take; one that takes more is stopped",
    ),
    (
        "limits.pool_free_mib_min",
        "MiB that are kept free in the pool of databases",
    ),
    ("limits.seed_seconds_max", "seconds that a seed may take"),
    (
        "limits.snapshot_hours_max",
        "hours without use after which an unnamed seed snapshot is removed",
    ),
    (
        "limits.undo_hours_max",
        "hours during which a push can be undone",
    ),
    (
        "limits.fork_hours_max",
        "hours until a fork expires by default",
    ),
    (
        "limits.capture_days_max",
        "days until a capture expires by default",
    ),
    (
        "limits.forks_max",
        "forks, captures and standalone databases at once",
    ),
    (
        "limits.start_seconds_max",
        "seconds that a revision may take to become healthy",
    ),
    (
        "limits.migrate_seconds_max",
        "seconds that a migration may take",
    ),
];

/// Deprecated names of keys that still work, each with its current name.
pub(super) const OLD_NAMES: [(&str, &str); 1] = [("engine.fence_builds", "engine.isolate_builds")];

/// A key's name, then its deprecated names.
pub(super) fn names_of(key: &'static str) -> impl Iterator<Item = &'static str> {
    let old = OLD_NAMES.iter().filter(move |(_, today)| *today == key);
    std::iter::once(key).chain(old.map(|(old, _)| *old))
}

/// The variables of all keys.
pub(super) fn environment_names() -> Vec<String> {
    let keys = KEYS.iter().flat_map(|(key, _)| names_of(key));
    keys.map(environment_name).collect()
}

/// The environment variable that overrides a key.
pub(super) fn environment_name(key: &str) -> String {
    format!("DAYFLY_{}", key.replace('.', "_").to_ascii_uppercase())
}
