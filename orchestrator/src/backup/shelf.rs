//! The folder of scheduled backups.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use deploy::names::Instance;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::target::part_of;

/// How their names begin and end. The instance and the time of their start are in between.
const PREFIX: &str = "dayfly-";
const SUFFIX: &str = ".tar";
/// The format of the time, in UTC.
const MADE_AT: &str = "%Y%m%dT%H%M%SZ";

/// The advice about a missing parent of the folder of backups.
pub const MOUNT_OR_CREATE: &str = "mount the disk of the backups, or create this folder";

/// A backup in a folder, as its name describes it. Only a verified backup has such a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelved {
    /// When it was begun.
    pub made_at: Timestamp,
    /// The instance that wrote it.
    pub instance: Instance,
    /// The file.
    pub path: PathBuf,
}

/// The backups in a folder, oldest first. Files with other names are ignored.
///
/// # Errors
/// Where the folder cannot be read. A missing folder has no backups.
pub fn shelved(folder: &Path) -> io::Result<Vec<Shelved>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let is_file = entry.file_type()?.is_file();
        if let Some((instance, made_at)) = entry.file_name().to_str().and_then(parse)
            && is_file
        {
            let path = entry.path();
            found.push(Shelved {
                made_at,
                instance,
                path,
            });
        }
    }
    found.sort_by(|one, other| (one.made_at, &one.path).cmp(&(other.made_at, &other.path)));
    Ok(found)
}

/// Creates the folder where it is missing. Its parent must exist: the parent of a folder on a disk
/// that is not mounted would be created on the disk of the system.
fn create(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = folder.parent().unwrap_or(folder);
            let why = format!("{} does not exist; {MOUNT_OR_CREATE}", parent.display());
            Err(io::Error::new(io::ErrorKind::NotFound, why))
        }
        other => other,
    }
}

/// Creates the folder where it is missing, and removes this instance's unfinished backups. Returns
/// the path of the next backup.
pub(super) fn next(folder: &Path, instance: &Instance, now: Timestamp) -> io::Result<PathBuf> {
    create(folder)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let begun = name.to_str().and_then(|name| name.strip_suffix(".part"));
        let whose = begun.and_then(parse).map(|(whose, _)| whose);
        if whose.as_ref() == Some(instance) && entry.file_type()?.is_file() {
            std::fs::remove_file(entry.path())?;
        }
    }
    let path = folder.join(name(instance, now));
    debug_assert!(part_of(&path).starts_with(folder));
    Ok(path)
}

/// Removes the oldest backups of an instance until `keep` are left, including the newest one,
/// `made`. Returns the removed ones. Backups from after `now` were made with a wrong clock: they do
/// not count and are not removed.
pub(super) fn thin(
    folder: &Path,
    instance: &Instance,
    keep: usize,
    (made, now): (&Path, Timestamp),
) -> io::Result<Vec<PathBuf>> {
    let mut ours = shelved(folder)?;
    ours.retain(|backup| {
        backup.instance == *instance && backup.path != made && backup.made_at <= now
    });
    let surplus = (ours.len() + 1).saturating_sub(keep.max(1));
    let mut removed = Vec::new();
    for backup in ours.into_iter().take(surplus) {
        std::fs::remove_file(&backup.path)?;
        removed.push(backup.path);
    }
    Ok(removed)
}

fn name(instance: &Instance, made_at: Timestamp) -> String {
    let made_at = made_at.strftime(MADE_AT);
    format!("{PREFIX}{instance}-{made_at}{SUFFIX}")
}

fn parse(text: &str) -> Option<(Instance, Timestamp)> {
    let rest = text.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let (instance, made_at) = rest.split_once('-')?;
    let instance = Instance::parse(instance).ok()?;
    let made_at = DateTime::strptime(MADE_AT, made_at).ok()?;
    let made_at = made_at.to_zoned(TimeZone::UTC).ok()?.timestamp();
    // Only a name that `name` writes.
    (name(&instance, made_at) == text).then_some((instance, made_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_our_own_are_backups_and_only_the_oldest_of_them_go() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("backups");
        let ours = Instance::parse("0a1b2c3d").unwrap();
        assert!(shelved(&at).unwrap().is_empty());
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        let first = next(&at, &ours, now).unwrap();
        assert_eq!(first, at.join("dayfly-0a1b2c3d-20261130T120000Z.tar"));
        let strangers = [
            "dayfly-0a1b2c3d-20261130T120000Z.tar.bak",
            "dayfly-0a1b2c3d-20261301T120000Z.tar",
            "dayfly-0a1b2c3d-2026113T0120000Z.tar",
            "dayfly-20261130T120000Z.tar",
            "dayfly.tar",
            "dayfly-ffffffff-20201130T120000Z.tar",
            "dayfly-ffffffff-20201130T120000Z.tar.part",
        ];
        let mine: Vec<String> = (1..=4)
            .map(|hour| format!("dayfly-0a1b2c3d-20261130T0{hour}0000Z.tar"))
            .collect();
        for name in strangers
            .iter()
            .copied()
            .chain(mine.iter().map(String::as_str))
        {
            std::fs::write(at.join(name), "").unwrap();
        }
        let cut_off = at.join("dayfly-0a1b2c3d-20261129T120000Z.tar.part");
        std::fs::write(&cut_off, "").unwrap();
        next(&at, &ours, now).unwrap();
        assert!(!cut_off.exists());
        let made = (at.join(&mine[3]), now);
        let made = (made.0.as_path(), made.1);
        assert_eq!(
            thin(&at, &ours, 2, made).unwrap(),
            [at.join(&mine[0]), at.join(&mine[1])]
        );
        assert!(thin(&at, &ours, 2, made).unwrap().is_empty());
        for name in strangers {
            assert!(at.join(name).exists(), "{name}");
        }
        let left = shelved(&at).unwrap();
        let hours: Vec<_> = left
            .iter()
            .map(|backup| backup.made_at.to_string())
            .collect();
        let wanted = [
            "2020-11-30T12:00:00Z",
            "2026-11-30T03:00:00Z",
            "2026-11-30T04:00:00Z",
        ];
        assert_eq!(hours, wanted);
    }

    #[test]
    fn only_the_last_folder_is_created_since_a_disk_may_not_be_mounted() {
        let disk = tempfile::tempdir().unwrap();
        let ours = Instance::parse("0a1b2c3d").unwrap();
        let folder = disk.path().join("elsewhere/dayfly");
        let refused = next(&folder, &ours, Timestamp::UNIX_EPOCH).unwrap_err();
        let refused = refused.to_string();
        assert!(
            refused.contains("/elsewhere does not exist; mount"),
            "{refused}"
        );
        assert!(!disk.path().join("elsewhere").exists());
        std::fs::create_dir(disk.path().join("elsewhere")).unwrap();
        next(&folder, &ours, Timestamp::UNIX_EPOCH).unwrap();
        assert!(folder.is_dir());
    }

    #[test]
    fn a_backup_from_the_future_neither_counts_nor_makes_the_newest_go() {
        let folder = tempfile::tempdir().unwrap();
        let ours = Instance::parse("0a1b2c3d").unwrap();
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        let path = |at: &str| folder.path().join(format!("dayfly-0a1b2c3d-{at}.tar"));
        let future = path("20301130T120000Z");
        let (old, made) = (path("20261129T120000Z"), path("20261130T120000Z"));
        for file in [&future, &old, &made] {
            std::fs::write(file, "").unwrap();
        }
        let removed = thin(folder.path(), &ours, 1, (&made, now)).unwrap();
        assert_eq!(removed, [old]);
        assert!(made.exists() && future.exists());
    }
}
