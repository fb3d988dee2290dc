//! The schedule of backups: how often, how many, and where.

use std::{path::PathBuf, time::Duration};

use super::file::{ConfigError, Keys, wrong};

/// How many backups are kept by default.
const KEEP_DEFAULT: usize = 7;
/// The shortest interval between backups.
const EVERY_MIN: Duration = Duration::from_secs(60);
/// The longest interval between backups.
const EVERY_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// The schedule of backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupSchedule {
    /// The interval between backups.
    pub every: Duration,
    /// How many are kept, at least 1.
    pub keep: usize,
    /// The folder for backups.
    pub directory: PathBuf,
}

/// The schedule, where there is one.
pub(super) fn backups(keys: &Keys) -> anyhow::Result<Option<BackupSchedule>> {
    if !keys.has_section("backup") {
        return Ok(None);
    }
    let form = "a time such as 24h or 90m, from one minute to a year";
    let every = keys.parse::<humantime::Duration>("backup.every", form)?;
    let directory: Option<PathBuf> = keys.parse("backup.directory", "a path")?;
    let keep =
        keys.parse::<std::num::NonZeroU16>("backup.keep", "a whole number from 1 to 65535")?;
    let (Some(every), Some(directory)) = (every, directory) else {
        anyhow::bail!("[backup] needs both backup.every and backup.directory");
    };
    let every: Duration = *every;
    if !(EVERY_MIN..=EVERY_MAX).contains(&every) {
        return Err(out_of_range(keys, form).into());
    }
    Ok(Some(BackupSchedule {
        every,
        keep: keep.map_or(KEEP_DEFAULT, |keep| keep.get().into()),
        directory: std::path::absolute(directory)?,
    }))
}

fn out_of_range(keys: &Keys, form: &str) -> ConfigError {
    let key = "backup.every";
    match keys.get(key) {
        Some(given) => wrong(given, format!("{key} has to be {form}")),
        None => ConfigError::Value {
            place: key.to_owned(),
            message: format!("it has to be {form}"),
        },
    }
}
