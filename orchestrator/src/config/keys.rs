//! The keys of the configuration, and the variables that stand above them.

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
        "where GitHub's API is (default: the public one)",
    ),
    ("github.token", "a token, instead of an App"),
    ("github.token_file", "a file that holds the token"),
    (
        "github.repositories",
        "the repositories to look after, as owner/name; no other gets a preview, by webhooks either",
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
        "ask this often instead of every 300 s; 0 never asks",
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
        "where previews get their networks from (default: 10.213.0.0/16)",
    ),
    (
        "engine.exclusive",
        "the engine runs nothing but Dayfly's: builds are isolated and bounded where nothing else is said",
    ),
    (
        "engine.isolate_builds",
        "isolate builds from the host and private addresses; holds for every container on the engine's \
         own bridge",
    ),
    (
        "engine.registry_auth_file",
        "log-ins to registries, in the form of Docker's own config.json",
    ),
    (
        "secrets_file",
        "secrets for builds: a TOML file with a table for each repository",
    ),
    ("backup.every", "how often a backup is made, such as 24h"),
    ("backup.keep", "how many of these are kept (default: 7)"),
    ("backup.directory", "the folder that they are written to"),
    (
        "limits.previews_awake_max",
        "previews that may have something running",
    ),
    ("limits.builds_max", "builds at once"),
    (
        "limits.preview_days_max",
        "days after the last push or visit until a preview is removed",
    ),
    (
        "limits.service_memory_mib_max",
        "MiB of memory that a service may ask for",
    ),
    ("limits.build_seconds_max", "how long a build may take"),
    (
        "limits.build_memory_mib_max",
        "MiB of memory for all builds of the engine together (default: no ceiling)",
    ),
    (
        "limits.build_cpu_percent_max",
        "hundredths of a processor for all builds of the engine, where there is a ceiling",
    ),
    (
        "limits.build_memory_free_mib_min",
        "MiB of memory that have to be free before a build begins",
    ),
    (
        "limits.build_disk_percent_max",
        "percent of the engine's disk in use above which no build begins",
    ),
    (
        "limits.evict_disk_percent_max",
        "percent of the engine's disk in use above which only what runs is kept",
    ),
    (
        "limits.build_cache_mib_max",
        "MiB that the builder may keep of our builds",
    ),
    ("limits.image_mib_max", "MiB that a built image may have"),
    (
        "limits.lfs_mib_max",
        "MiB that the Git LFS files of a commit and its submodules may have together",
    ),
    (
        "limits.lfs_cache_mib_max",
        "MiB of Git LFS objects that are kept of all repositories; those in use stay in any case",
    ),
    (
        "limits.image_wait_seconds_max",
        "how long an image that CI builds for a commit is waited for",
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
        "MiB that are kept free where databases live",
    ),
    ("limits.seed_seconds_max", "how long a seed may take"),
    (
        "limits.snapshot_hours_max",
        "hours without a use until seeded data that nobody named go",
    ),
    (
        "limits.undo_hours_max",
        "hours for which one can go back to what a push replaced",
    ),
    (
        "limits.fork_hours_max",
        "hours until a fork goes where nothing else was said",
    ),
    (
        "limits.capture_days_max",
        "days until a capture goes where nothing else was said",
    ),
    (
        "limits.forks_max",
        "forks, captures and standalone databases at once",
    ),
    (
        "limits.start_seconds_max",
        "how long a revision may take to become healthy",
    ),
    (
        "limits.migrate_seconds_max",
        "how long a migration may take",
    ),
];

/// Names that keys had before, which still work, each with its name of today.
pub(super) const OLD_NAMES: [(&str, &str); 1] = [("engine.fence_builds", "engine.isolate_builds")];

/// A key's name, then the older ones that still work.
pub(super) fn names_of(key: &'static str) -> impl Iterator<Item = &'static str> {
    let old = OLD_NAMES.iter().filter(move |(_, today)| *today == key);
    std::iter::once(key).chain(old.map(|(old, _)| *old))
}

/// The variables of all keys.
pub(super) fn environment_names() -> Vec<String> {
    let keys = KEYS.iter().flat_map(|(key, _)| names_of(key));
    keys.map(environment_name).collect()
}

/// The variable that stands above a key.
pub(super) fn environment_name(key: &str) -> String {
    format!("DAYFLY_{}", key.replace('.', "_").to_ascii_uppercase())
}
