//! The configuration's keys: which there are, where each comes from, and what is wrong with one.

use std::{collections::BTreeMap, path::Path};

use deploy::blueprint::nearest;
use toml::de::{DeTable, DeValue};

/// Every key there is, as `section.key`, with its meaning.
pub const KEYS: [(&str, &str); 51] = [
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
const OLD_NAMES: [(&str, &str); 1] = [("engine.fence_builds", "engine.isolate_builds")];

/// What is wrong with the configuration, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {file}: {why}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why not.
        why: std::io::Error,
    },
    /// Something in the file.
    #[error("{file}:{line}: {message}")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong and what to do.
        message: String,
    },
    /// Something about a key, wherever it came from.
    #[error("{place}: {message}")]
    Value {
        /// The file and the line, or the variable.
        place: String,
        /// What is wrong and what to do.
        message: String,
    },
}

/// A value with the place it came from.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) values: Vec<String>,
    pub(super) place: String,
}

impl Given {
    fn from_variable(place: String, value: &str) -> Self {
        let values = value.split(',').map(|part| part.trim().to_owned());
        let values = values.collect();
        Self { values, place }
    }
}

/// Everything that was given, by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    given: BTreeMap<&'static str, Given>,
}

impl Keys {
    /// Reads the file, if there is one, and lays the environment over it.
    pub(super) fn read(
        file: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut keys = Self::default();
        if let Some(path) = file {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|why| ConfigError::Unreadable {
                file: name.clone(),
                why,
            })?;
            keys.take_file(&name, &text)?;
        }
        for (key, _) in KEYS {
            let old = OLD_NAMES.iter().filter(|(_, today)| *today == key);
            let names = std::iter::once(key).chain(old.map(|(old, _)| *old));
            let mut values = names.map(environment_name).filter_map(|name| {
                let value = variable(&name)?;
                Some(Given::from_variable(name, &value))
            });
            if let Some(given) = values.next() {
                keys.given.insert(key, given);
            }
            if let Some(again) = values.next() {
                return Err(wrong(&again, given_twice(key)));
            }
        }
        Ok(keys)
    }

    fn take_file(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let at = |offset: usize| text.get(..offset).unwrap_or(text).matches('\n').count() + 1;
        let root = DeTable::parse(text).map_err(|error| ConfigError::Line {
            file: name.to_owned(),
            line: at(error.span().map_or(0, |span| span.start)),
            message: error.message().trim().replace('\n', ", "),
        })?;
        for (key, value) in root.get_ref() {
            let line = at(key.span().start);
            match value.get_ref() {
                DeValue::Table(section) => {
                    for (inner, value) in section {
                        let line = at(inner.span().start);
                        let full = format!("{}.{}", key.get_ref(), inner.get_ref());
                        self.take_key(name, line, &full, value.get_ref())?;
                    }
                }
                value => self.take_key(name, line, key.get_ref(), value)?,
            }
        }
        Ok(())
    }

    fn take_key(
        &mut self,
        file: &str,
        line: usize,
        key: &str,
        value: &DeValue<'_>,
    ) -> Result<(), ConfigError> {
        let wrong = |message: String| ConfigError::Line {
            file: file.to_owned(),
            line,
            message,
        };
        let old = OLD_NAMES.iter().find(|(old, _)| *old == key);
        let key = old.map_or(key, |(_, today)| *today);
        let Some((known, _)) = KEYS.iter().find(|(known, _)| *known == key) else {
            let all: Vec<&str> = KEYS.iter().map(|(known, _)| *known).collect();
            let hint = nearest(key, &all)
                .map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
            return Err(wrong(format!("unknown key {key:?}{hint}")));
        };
        let values = match value {
            DeValue::Array(items) => items.iter().map(|item| scalar(item.get_ref())).collect(),
            single => scalar(single).map(|text| vec![text]),
        };
        let values = values.ok_or_else(|| {
            wrong(format!(
                "{key} is neither text, number, true, false, nor a list of these"
            ))
        })?;
        let place = format!("{file}:{line}");
        match self.given.insert(known, Given { values, place }) {
            Some(_) => Err(wrong(given_twice(known))),
            None => Ok(()),
        }
    }

    pub(super) fn get(&self, key: &'static str) -> Option<&Given> {
        debug_assert!(
            KEYS.iter().any(|(known, _)| *known == key),
            "{key} is not a key"
        );
        self.given.get(key)
    }

    /// Whether anything of a section was given.
    pub(super) fn has_section(&self, section: &str) -> bool {
        self.given.keys().any(|key| {
            key.strip_prefix(section)
                .is_some_and(|k| k.starts_with('.'))
        })
    }

    /// One value, parsed; `form` says what it has to look like.
    pub(super) fn parse<T: std::str::FromStr>(
        &self,
        key: &'static str,
        form: &str,
    ) -> Result<Option<T>, ConfigError> {
        let Some(given) = self.get(key) else {
            return Ok(None);
        };
        let [value] = given.values.as_slice() else {
            return Err(wrong(given, format!("{key} takes one value")));
        };
        match value.parse() {
            Ok(parsed) => Ok(Some(parsed)),
            Err(_) => Err(wrong(
                given,
                format!("{key} is {value:?}; it has to be {form}"),
            )),
        }
    }
}

fn given_twice(key: &str) -> String {
    format!("{key} is given twice, by this name or an older one; remove one")
}

/// The variable that stands above a key.
fn environment_name(key: &str) -> String {
    format!("DAYFLY_{}", key.replace('.', "_").to_ascii_uppercase())
}

/// An error about a value, with its place.
pub(super) fn wrong(given: &Given, message: String) -> ConfigError {
    ConfigError::Value {
        place: given.place.clone(),
        message,
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            let number = i128::from_str_radix(&number.as_str().replace('_', ""), number.radix());
            number.ok().map(|number| number.to_string())
        }
        DeValue::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}
